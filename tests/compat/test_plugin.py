"""A missing package is an error, except where it is said to be missing, and a test asks for it."""

from __future__ import annotations

import json

import pytest

from tests.testing.conftest import NOT_NEEDED

pytest_plugins = ["pytester"]

_TESTS = {
    "test_whole_module": "import lacked.part\n\ndef test_it(): pass\n",
    "test_inside": "def test_it(): import lacked\n\ndef test_other(): pass\n",
    "test_another": "def test_it(): import another_one\n",
}


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Tests that import what is not there."""
    pytester.makepyfile(**_TESTS)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run the project's tests in a process of its own."""
    return project.runpytest_subprocess("-p", "tests.compat.plugin", "-rs", *options)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The plugin can be imported from the project's directory."""
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    monkeypatch.setenv("PYTEST_ADDOPTS", NOT_NEEDED)


def test_what_is_lacking_is_skipped_with_a_reason(project: pytest.Pytester) -> None:
    """A module, and a test; what another package is missing for still fails."""
    result = run(project, "--lacking", "lacked")
    result.assert_outcomes(passed=1, skipped=2, failed=1)
    assert result.stdout.str().count("needs lacked, which this environment lacks") == 2


def test_nothing_is_skipped_unasked(project: pytest.Pytester) -> None:
    """In an environment that should have it, a missing package is an error."""
    run(project, "--continue-on-collection-errors").assert_outcomes(passed=1, failed=2, errors=1)


def test_what_is_here_is_not_lacking(project: pytest.Pytester) -> None:
    """Or a typing error would hide nothing, and a stale option much."""
    result = run(project, "--lacking", "json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--lacking json: it is here" in result.stderr.str()


def test_our_own_import_of_what_is_lacking_fails(project: pytest.Pytester) -> None:
    """That the core needs no SDK is what the run is for."""
    project.makepyfile(
        test_whole_module="",
        test_another="",
        test_inside="""
            import otel_handoff.version

            def test_it():
                code = compile("import lacked", otel_handoff.version.__file__, "exec")
                exec(code, {})
        """,
    )
    run(project, "--lacking", "lacked").assert_outcomes(failed=1)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_ran_is_written_down(project: pytest.Pytester, workers: str) -> None:
    """With the versions it ran on; each test once, also where several workers ran them."""
    run(project, "-n", workers, "--lacking", "lacked", "--row", "rows/some.json")
    row = json.loads((project.path / "rows" / "some.json").read_text("utf-8"))
    assert (row["passed"], row["skipped"], row["failed"], row["error"]) == (1, 2, 1, 0)
    assert {"python", "c_extension", "wrapt", "opentelemetry-api"} <= set(row)
