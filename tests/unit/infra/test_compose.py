"""The compose file, as Compose itself reads it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from docfleet.commands.arguments.secret_files import SECRET_FILES
from settings.fleet import load_settings
from workers.role import Role

ROOT = Path(__file__).parents[3]
ONCE = {"secrets", "buckets"}
OF_OTHERS = {"redis", "s3", "prometheus", "grafana"}
WORKERS = {"prepare", "infer", "infer-gpu", "deliver", "batch"}
S3, REDIS = "s3_credentials", "redis_password"
SECRETS_OF = {
    "redis": {REDIS},
    "s3": {S3, "events_token"},
    "buckets": {S3},
    "api": {REDIS, S3, "api_key", "encryption_keys"},
    "watch": {REDIS, S3, "events_token"},
    "prepare": {REDIS, S3},
    "infer": {REDIS, S3},
    "infer-gpu": {REDIS, S3},
    "batch": {REDIS, S3},
    "deliver": {REDIS, S3, "callback_secret", "encryption_keys"},
    "prometheus": set(),
    "grafana": {"grafana_password"},
}
"""Secrets of each service, and no others."""
NETWORKS_OF = {
    "redis": {"ledger"},
    "s3": {"store", "s3-door"},
    "buckets": {"store"},
    "api": {"ledger", "store", "metrics", "api-door"},
    "watch": {"ledger", "store", "metrics"},
    "prepare": {"ledger", "store", "metrics", "models"},
    "infer": {"ledger", "store", "metrics", "models"},
    "infer-gpu": {"ledger", "store", "metrics", "models"},
    "batch": {"ledger", "store", "metrics"},
    "deliver": {"ledger", "store", "metrics", "egress"},
    "prometheus": {"metrics", "dashboards"},
    "grafana": {"dashboards"},
}
DOORS = {"api-door", "s3-door", "dashboards"}

Services = dict[str, dict[str, Any]]


def read(*words: str) -> dict[str, Any]:
    """The whole model, without what this machine's environment would put into it."""
    compose = Path(sys.executable).with_name("docker-compose")
    done = subprocess.run(
        [str(compose), *words, "config", "--format", "json"],
        cwd=ROOT,
        env={"PATH": "", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    model: dict[str, Any] = json.loads(done.stdout)
    return model


@pytest.fixture(scope="module")
def services() -> Services:
    """Every service, those of the profile `gpu` too."""
    found: Services = read("--profile", "gpu")["services"]
    return found


def seconds(duration: str) -> float:
    """Of a duration as Compose writes it."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(float(n) * units[unit] for n, unit in re.findall(r"([\d.]+)([hms])", duration))


def test_without_a_profile_everything_but_the_gpu_worker_runs(services: Services) -> None:
    """A fresh clone needs no .env."""
    assert set(read()["services"]) == set(services) - {"infer-gpu"}


def test_every_role_of_a_worker_has_a_service(services: Services) -> None:
    """A role that nobody serves would let its records wait for ever."""
    served = {
        service["command"][1] for name, service in services.items() if name in WORKERS
    }  # `worker ROLE ...`
    assert served == set(Role)


def test_every_service_is_confined(services: Services) -> None:
    """No write to its own file system, no powers, limits on memory and processes and logs."""
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["init"], name
        assert service["logging"]["options"]["max-size"], name
        assert "mem_limit" in service, name
        assert "pids_limit" in service or name in ONCE, name


def test_ports_are_those_of_this_machine_alone(services: Services) -> None:
    """Nobody else on the network reaches them, and Redis is not published at all."""
    ports = {
        (name, port["host_ip"])
        for name, service in services.items()
        for port in service.get("ports", ())
    }
    assert {host for _, host in ports} == {"127.0.0.1"}
    assert {name for name, _ in ports} == {"api", "s3", "prometheus", "grafana"}


def test_what_runs_is_checked_and_what_ends_is_not(services: Services) -> None:
    """`up --wait` can wait for all of it."""
    for name, service in services.items():
        assert service["healthcheck"].get("disable", False) == (name in ONCE), name
        assert ("test" in service["healthcheck"]) == (name not in ONCE), name


def test_our_parts_are_started_again_when_they_fail_unless_they_are_configured_wrongly(
    services: Services,
) -> None:
    """run-part makes the difference, and Docker's `on-failure` sees it."""
    for name in set(services) - ONCE - OF_OTHERS:
        assert services[name]["restart"] == "on-failure", name
        assert services[name]["entrypoint"] == ["run-part"], name
    for name in ONCE:
        assert services[name]["restart"] == "no", name


def test_a_worker_has_longer_to_stop_than_it_may_drain(services: Services) -> None:
    """Else what it holds would be killed with it, and not given back."""
    drain = load_settings(ROOT / "fleet.toml").lease.drain_seconds
    for name in WORKERS:
        assert seconds(services[name]["stop_grace_period"]) >= drain + 10, name


def test_parts_start_when_redis_is_well_and_the_buckets_are_there(services: Services) -> None:
    """And those wait for their server, which waits for the secrets."""
    for name in set(services) - ONCE - OF_OTHERS:
        conditions = {on: how["condition"] for on, how in services[name]["depends_on"].items()}
        assert conditions == {
            "redis": "service_healthy",
            "buckets": "service_completed_successfully",
        }, name
    assert services["buckets"]["depends_on"]["s3"]["condition"] == "service_healthy"
    for name in ("redis", "s3"):
        assert (
            services[name]["depends_on"]["secrets"]["condition"] == "service_completed_successfully"
        ), name


def test_images_of_others_are_pinned_and_ours_are_built_here(services: Services) -> None:
    """Nobody's registry is asked for ours."""
    for name, service in services.items():
        if name in OF_OTHERS:
            assert re.search(r":v?\d+\.\d+(\.\d+)?(-alpine)?$", service["image"]), name
        else:
            assert service["image"].endswith(":local"), name
            assert service["pull_policy"] == "never", name


def test_each_image_of_ours_is_built_by_one_service(services: Services) -> None:
    """Builds of one image side by side fail when the second one gives it its name."""
    ours = {service["image"] for name, service in services.items() if name not in OF_OTHERS}
    built = [service for service in services.values() if "build" in service]
    assert sorted(service["image"] for service in built) == sorted(ours)
    for service in built:
        assert (ROOT / service["build"]["dockerfile"]).is_file(), service["image"]


def test_secrets_come_in_files_only(services: Services) -> None:
    """A variable names a file of the folder that `docfleet secrets` fills."""
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"KEY|PASSWORD|SECRET|TOKEN|CREDENTIALS", variable) and value is not None:
                folder, _, file = value.rpartition("/")
                assert (folder, file in SECRET_FILES) == ("/run/docfleet", True), (name, variable)


def test_deliveries_reach_none_of_the_stacks_own_ports(services: Services) -> None:
    """Whatever network is opened: those that are published, and those between the containers."""
    own = json.loads(services["deliver"]["environment"]["DOCFLEET_CALLBACKS__OWN_PORTS"])
    published = {
        port["target"] for service in services.values() for port in service.get("ports", ())
    }
    between = {6379, 8001, 9100, 18333}  # Redis, events to the watcher, metrics, the store's gRPC
    assert set(own) == published | between


def copies(service: dict[str, Any]) -> dict[str, set[str]]:
    """The secrets that a service deals out, by the volume that gets them."""
    volumes = {volume["target"]: volume["source"] for volume in service["volumes"]}
    orders = [word.removeprefix("--copy=") for word in service["command"] if "=" in word]
    return {
        volumes[target]: set(names.split(",")) for target, names in (o.split("=") for o in orders)
    }


def secrets_volume(service: dict[str, Any]) -> str | None:
    """The volume that a service reads its secrets from."""
    found = [one for one in service.get("volumes", ()) if one["target"] == "/run/docfleet"]
    assert all(one.get("read_only") for one in found)
    return found[0]["source"] if found else None


def test_each_service_has_its_own_secrets_and_no_others(services: Services) -> None:
    """One that is broken into gives away what it needed, and nothing of the rest."""
    dealt = copies(services["secrets"])
    given = {
        name: dealt[volume] if (volume := secrets_volume(service)) else set()
        for name, service in services.items()
        if name != "secrets"
    }
    assert given == SECRETS_OF
    assert set().union(*dealt.values()) == set(SECRET_FILES)


def test_a_service_names_exactly_the_secrets_that_it_has(services: Services) -> None:
    """A part whose file is missing would not start, and what no variable names is idle."""
    for name in set(SECRETS_OF) - OF_OTHERS:
        variables = services[name]["environment"].values()
        named = {
            str(value).rpartition("/")[2] for value in variables if "/run/docfleet/" in str(value)
        }
        assert named == SECRETS_OF[name], name


def test_the_folders_of_secrets_are_the_users_that_fills_them(services: Services) -> None:
    """A volume takes its owner from the image, where the folder has to be."""
    dockerfile = (ROOT / services["secrets"]["build"]["dockerfile"]).read_text()
    for volume in services["secrets"]["volumes"]:
        assert volume["target"] in dockerfile.split(), volume["target"]
    assert "/run/secrets-for/receiver" in dockerfile.split()


def test_each_service_is_on_the_networks_that_it_needs_alone(services: Services) -> None:
    """The workers of documents reach no receiver, and the dashboards reach no document."""
    joined = {
        name: set(service.get("networks", ()))
        for name, service in services.items()
        if name != "secrets"
    }
    assert joined == NETWORKS_OF
    assert services["secrets"]["network_mode"] == "none"


def test_only_deliveries_lead_out() -> None:
    """The other networks are internal, or doors for the ports of this machine."""
    networks = read("--profile", "gpu")["networks"]
    assert {name for name, one in networks.items() if one.get("internal")} == {
        "ledger", "store", "metrics", "models",
    }  # fmt: skip
    masquerade = "com.docker.network.bridge.enable_ip_masquerade"
    shut = {
        name
        for name, one in networks.items()
        if one.get("driver_opts", {}).get(masquerade) == "false"
    }
    assert shut == DOORS
    assert set(networks) - shut - {"ledger", "store", "metrics", "models"} == {"egress"}


def test_models_can_be_fetched_by_name_when_that_is_asked_for(tmp_path: Path) -> None:
    """MODELS_INTERNAL of .env opens their network, and no other."""
    (tmp_path / "env").write_text("MODELS_INTERNAL=false\n")
    networks = read("--env-file", str(tmp_path / "env"))["networks"]
    assert not networks["models"].get("internal")
    assert networks["store"]["internal"]


def test_the_users_own_folders_take_the_place_of_volumes(tmp_path: Path) -> None:
    """MODELS, ADAPTERS and SECRETS of .env may be paths."""
    (tmp_path / "env").write_text(f"MODELS={tmp_path}\nSECRETS={tmp_path}\n")
    services = read("--env-file", str(tmp_path / "env"))["services"]
    kinds = {volume["target"]: volume["type"] for volume in services["infer"]["volumes"]}
    assert (kinds["/models"], kinds["/run/docfleet"]) == ("bind", "volume")
    assert kinds["/etc/docfleet/adapters"] == "volume"
    sources = {one["target"]: one["source"] for one in services["secrets"]["volumes"]}
    assert sources["/run/docfleet"] == str(tmp_path)


def test_the_demo_allows_deliveries_to_its_receivers_network_alone() -> None:
    """And the stack by itself allows none that is private."""
    demo = read("-f", "docker-compose.yml", "-f", "infra/compose/demo.yml")
    [subnet] = demo["networks"]["receivers"]["ipam"]["config"]
    deliver = demo["services"]["deliver"]
    allowed = deliver["environment"]["DOCFLEET_CALLBACKS__ALLOW_NETWORKS"]
    assert json.loads(allowed) == [f"{subnet['subnet']}:8080"]
    assert set(demo["services"]["receiver"]["networks"]) == {"receivers"}
    assert set(deliver["networks"]) == NETWORKS_OF["deliver"] | {"receivers"}
    assert copies(demo["services"]["receiver-secret"]) == {"secrets-receiver": {"callback_secret"}}
    assert secrets_volume(demo["services"]["receiver"]) == "secrets-receiver"
    assert "receivers" not in read()["networks"]


def test_the_example_of_env_lists_every_variable_and_each_line_of_it_can_be_used(
    tmp_path: Path,
) -> None:
    """Uncommented as a whole, it is read, and takes effect."""
    files = [*ROOT.glob("docker-compose.yml"), ROOT / "infra/compose/demo.yml"]
    used = {name for file in files for name in re.findall(r"\$\{([A-Z0-9_]+)", file.read_text())}
    passed_on = re.findall(r"^ +([A-Z0-9_]+):$", files[0].read_text(), re.MULTILINE)
    example = (ROOT / ".env.example").read_text()
    lines = re.findall(r"^# ([A-Z0-9_]+=.*)$", example, re.MULTILINE)
    named = {line.partition("=")[0] for line in lines}
    of_the_demo = {"RECEIVER_PORT", "RECEIVERS_NETWORK"}
    seldom = {name for name in used if name.endswith("_MEMORY")}
    assert used | set(passed_on) - seldom <= named | of_the_demo | seldom
    assert named - {"COMPOSE_PROFILES"} <= used | set(passed_on)
    (tmp_path / "env").write_text("\n".join(lines))
    services = read("--env-file", str(tmp_path / "env"))["services"]
    assert services["infer-gpu"]["command"][-1] == "a100"
    allowed = services["deliver"]["environment"]["DOCFLEET_CALLBACKS__ALLOW_NETWORKS"]
    assert json.loads(allowed) == ["10.1.2.0/24:443"]
    assert services["secrets"]["build"]["network"] == "host"
