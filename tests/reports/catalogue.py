"""The reports, by name: where each is public, and what its host needs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, NamedTuple

HOSTS: Final = Path(__file__).with_name("hosts")
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")


class Report(NamedTuple):
    """A host, or one variant of it.

    Attributes:
        name: of its module in `hosts`; then, after a colon, of its variant.
        public: owner/repository#number; the first is what it is rebuilt of.
        needs: what is to be installed, with the version that has the fault.
    """

    name: str
    public: tuple[str, ...]
    needs: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The name of the module."""
        return self.name.partition(":")[0]

    @property
    def variant(self) -> str:
        """The name of the variant; empty where there is but one."""
        return self.name.partition(":")[2]

    def lacks(self) -> list[str]:
        """Return what it needs and is not there in that version."""
        return [need for need in self.needs if not _is_there(need)]


def _is_there(need: str) -> bool:
    name, _, wanted = need.partition("==")
    try:
        return version(name) == wanted
    except PackageNotFoundError:
        return False


def _variants(module: str, public: tuple[str, ...], *names: str, needs: tuple[str, ...] = ()) -> tuple[Report, ...]:
    return tuple(Report(f"{module}:{name}", public, needs) for name in names)


REPORTS: Final[tuple[Report, ...]] = (
    Report("agno_parallel", ("agno-agi/agno#6590",), ("agno==2.5.1",)),
    Report("swe_batch", ("SWE-agent/mini-swe-agent#887",), ("mini-swe-agent==2.4.2", "datasets==5.2.0")),
    Report("policy_partial", ("huggingface/lerobot#4327",)),
    Report("shared_options", ("GENI-NSF/geni-tools#63",)),
    Report("late_closure", ("chain-ml/council#36", "python/cpython#131771")),
    Report("other_names", ("chain-ml/council#36",)),
    Report("same_arguments", ("chain-ml/council#36",)),
    Report(
        "log_contextvars",
        ("hynek/structlog#297", "hynek/structlog#425", "Delgan/loguru#792", "Delgan/loguru#1318"),
        ("structlog==22.2.0", "loguru==0.7.2"),
    ),
    Report("async_queue", ("ogx-ai/ogx#5168",)),
    Report("done_callback", ("noxdafox/pebble#156",), ("Pebble==5.2.3",)),
    Report(
        "task_request",
        ("czue/celery-progress#117", "celery/celery#1003"),
        ("celery==5.4.0", "celery-progress==0.5"),
    ),
    *_variants("same_name", ("ross/requests-futures#143",), "class", "backend", "control"),
    Report("parallel_bulk", ("elastic/elasticsearch-py#2616",), ("elasticsearch==8.14.0",)),
    *_variants(
        "middleware_self",
        ("Rhumbix/django-request-logging#142", "soynatan/django-easy-audit#6"),
        "thread",
        "server",
        needs=("django-request-logging==0.7.3", "Django==4.2.30"),
    ),
    *_variants("deep_id", ("scrapy/scrapy#2734", "mlrun/storey#103"), "property", "dict", "object", "list"),
    Report("default_list", ("Chainlit/literalai-python#161",), ("literalai==0.0.607",)),
    Report(
        "tenant_on_thread",
        ("citusdata/django-multitenant#213",),
        ("django-multitenant==3.2.1", "Django==4.2.30"),
    ),
    *_variants(
        "id_on_self", ("elastic/elasticsearch-py#2616", "MakazhanAlpamys/Soup#260"), "self", "result", "control"
    ),
    Report("thread_subclass", ("GENI-NSF/geni-tools#63", "dennybritz/reinforcement-learning#52")),
    Report("global_client", ("ProjectTech4DevAI/kaapi-backend#249",), ("langfuse==2.60.5",)),
    Report("promise_queue", ("syrusakbary/promise#81", "graphql-python/flask-graphql#56"), ("promise==2.2.1",)),
    *_variants(
        "trace_only",
        ("open-telemetry/opentelemetry-python-contrib#1009", "huggingface/smolagents#2221", "stanfordnlp/dspy#8505"),
        "executor",
        "map",
        "to_thread",
    ),
    *_variants("not_reached", ("huggingface/lerobot#4327",), "override", "registry", "bound", "control"),
    Report("result_handed_back", ("wri/project-zeno#455",)),
)

BY_NAME: Final = {report.name: report for report in REPORTS}
