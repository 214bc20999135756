from retouch_daemon.front.worker_options import ENGINE_ENVIRONMENT, WorkerOptions

(VARIABLE,) = ENGINE_ENVIRONMENT


def test_the_engine_keeps_more_compiled_convolutions_unless_somebody_says_how_many(
    tmp_path, monkeypatch
):
    monkeypatch.delenv(VARIABLE, raising=False)
    options = WorkerOptions(tmp_path)
    assert options.engine.environment[VARIABLE] == "4096"
    assert VARIABLE not in options.gate.environment
    for name in (VARIABLE, "DNNL_PRIMITIVE_CACHE_CAPACITY"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "100")
            assert VARIABLE not in options.engine.environment, "this process's own is inherited"
    given = WorkerOptions(tmp_path, environment={VARIABLE: "7"})
    assert given.engine.environment[VARIABLE] == "7"
