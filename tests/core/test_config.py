"""The environment becomes a frozen Config, or a sentence that says what to set."""

from __future__ import annotations

import pytest

from core.config import BadConfig, Config, read_config


def test_an_empty_environment_gives_a_config_for_this_machine() -> None:
    config = read_config({})
    assert config.database_url == "sqlite:///var/aftercare.db"
    assert config.public_url == "http://127.0.0.1:8321"
    assert config.keys == ()
    assert config.outbound_allow == frozenset()
    assert config.app_settings == {}


def test_each_field_is_read_from_its_variable() -> None:
    config = read_config(
        {
            "AFTERCARE_DATABASE_URL": "postgresql+psycopg://care@db/care",
            "AFTERCARE_PUBLIC_URL": "https://care.example/",
            "AFTERCARE_SECRET_KEYS": " first , second,,",
            "AFTERCARE_WORKER_THREADS": "8",
            "AFTERCARE_OUTBOUND_ALLOW": "127.0.0.1:9001, localhost:9002,",
            "PATH": "/usr/bin",
        }
    )
    assert config.database_url == "postgresql+psycopg://care@db/care"
    assert config.public_url == "https://care.example"
    assert config.keys == ("first", "second")
    assert config.worker_threads == 8
    assert config.outbound_allow == {"127.0.0.1:9001", "localhost:9002"}


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert read_config({"AFTERCARE_WORKER_THREADS": "", "AFTERCARE_DATABASE_URL": ""}) == read_config({})


def test_a_platforms_own_settings_are_found_under_its_name() -> None:
    env = {"AFTERCARE_CORNER_CLIENT_ID": "abc", "AFTERCARE_OTHER_CLIENT_ID": "not ours"}
    config = read_config(env, {"corner": ["client_id", "client_secret"]})
    assert config.app_settings == {"corner": {"client_id": "abc", "client_secret": ""}}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "mysql://root:hunter2@db", "must start with sqlite:/// or postgresql+psycopg://"),
        ("DATABASE_URL", "postgresql://hunter2@db", "must start with sqlite:/// or postgresql+psycopg://"),
        ("PUBLIC_URL", "care.example?hunter2", "must start with https:// (or http:// on this machine)"),
        ("WORKER_THREADS", "hunter2", "Input should be a valid integer"),
        ("WORKER_THREADS", "0", "greater than or equal to 1"),
        ("WORKER_THREADS", "65", "less than or equal to 64"),
        ("LOG_FORMAT", "hunter2", "Input should be 'json' or 'text'"),
    ],
)
def test_a_wrong_value_is_named_but_never_repeated(name: str, value: str, sentence: str) -> None:
    with pytest.raises(BadConfig) as caught:
        read_config({f"AFTERCARE_{name}": value})
    assert str(caught.value).startswith(f"AFTERCARE_{name} ")
    assert sentence in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_config_that_is_printed_tells_no_secret() -> None:
    secret = {
        "AFTERCARE_DATABASE_URL": "postgresql+psycopg://care:hunter2@db/care",
        "AFTERCARE_SECRET_KEYS": "hunter2",
        "AFTERCARE_SMTP_URL": "smtp://care:hunter2@mail",
        "AFTERCARE_INBOUND_TOKEN": "hunter2",
        "AFTERCARE_METRICS_TOKEN": "hunter2",
        "AFTERCARE_CORNER_CLIENT_SECRET": "hunter2",
    }
    config = read_config(secret, {"corner": ["client_secret"]})
    assert config.smtp_url.get_secret_value() == "smtp://care:hunter2@mail"
    assert "hunter2" not in repr(config) + str(config) + f"{config}"


def test_a_config_cannot_be_changed() -> None:
    config: Config = read_config({})
    with pytest.raises(ValueError, match="frozen"):
        config.worker_threads = 2


def test_a_paying_call_ends_before_its_job_is_somebody_else_s() -> None:
    config = read_config({})
    assert (config.paying_seconds, config.first_look_seconds) == (120, 180)
    with pytest.raises(BadConfig, match="AFTERCARE_PAYING_SECONDS"):
        read_config({"AFTERCARE_PAYING_SECONDS": "241"})
