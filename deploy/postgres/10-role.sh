#!/bin/sh
# The database and its ordinary owner, made once, when the volume is empty. Ordinary, because row-level security keeps
# stores apart and a superuser passes it by: Aftercare refuses to start as one.
set -eu
: "${AFTERCARE_DB_PASSWORD:?}"
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv password AFTERCARE_DB_PASSWORD
CREATE ROLE aftercare LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'password';
CREATE DATABASE aftercare OWNER aftercare TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE aftercare FROM PUBLIC;
SQL
