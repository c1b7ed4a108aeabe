"""The files under deploy/ and beside it agree with each other and with the program; no container engine is needed."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

import pytest

from core.config import Config, read_config
from core.secrets import new_token
from tests.operate.running import ROOT

EXAMPLE = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yml").read_text(encoding="utf-8")
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")


def example() -> dict[str, str]:
    lines = [line.partition("=") for line in EXAMPLE.splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in lines}


@pytest.fixture(scope="module")
def compose() -> Any:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return yaml.safe_load(COMPOSE)


def test_what_compose_asks_for_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE))
    assert asked <= example().keys()
    assert {"AFTERCARE_DB_PASSWORD", "POSTGRES_PASSWORD", "AFTERCARE_DOMAIN"} <= asked


def test_what_the_example_sets_is_read_by_the_program_or_by_compose() -> None:
    settings = {f"AFTERCARE_{name.upper()}" for name in Config.model_fields}
    assert example().keys() - settings - set(re.findall(r"\$\{(\w+)", COMPOSE)) == set()


def test_the_example_filled_in_is_a_working_configuration(compose: Any) -> None:
    filled = {name: value or new_token(32) for name, value in example().items()}
    given = compose["services"]["web"]["environment"]
    env = filled | {name: re.sub(r"\$\{(\w+)[^}]*\}", lambda m: filled[m[1]], text) for name, text in given.items()}
    config = read_config(env)
    assert config.public_url == "https://care.example.com"
    assert config.trusted_proxies == 1
    assert config.database_url.endswith(f":{filled['AFTERCARE_DB_PASSWORD']}@db/aftercare")
    assert env["POSTGRES_PASSWORD"] == "", "the superuser's password is the database's alone"


def test_web_and_worker_wait_for_the_migration_and_that_for_the_database(compose: Any) -> None:
    services = compose["services"]
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["migrate"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]


def test_the_image_ends_with_an_ordinary_user_our_entrypoint_and_nothing_to_build_with() -> None:
    last = CONTAINERFILE.rpartition("\nFROM ")[2]
    assert "USER 10001" in last
    assert 'ENTRYPOINT ["python", "-m", "core"]' in last
    assert "/healthz" in last
    assert not re.search(r"apt-get|gcc|build-essential|pip install", last)


def test_the_image_gets_what_the_package_needs_and_no_test_tool() -> None:
    locked = (ROOT / "requirements" / "image.txt").read_text(encoding="utf-8")
    names = set(re.findall(r"^([a-z0-9-]+)==", locked, re.MULTILINE))
    assert "--requirement image.txt" in CONTAINERFILE
    assert {"flask", "sqlalchemy", "gunicorn", "psycopg"} <= names
    assert not names & {"pytest", "ruff", "hypothesis"}


def test_the_script_that_makes_the_role_can_be_run() -> None:
    script = ROOT / "deploy" / "postgres" / "10-role.sh"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    assert "NOSUPERUSER NOBYPASSRLS" in script.read_text(encoding="utf-8")
