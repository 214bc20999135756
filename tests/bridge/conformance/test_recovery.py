"""Gateway and daemon die in the middle of an edit: the result arrives, or one clear sentence."""

import os
import signal

import numpy as np
import pytest
from held_pictures import read_back


@pytest.fixture
def own(own_bridged, start_with_gateway, free_port):
    """A daemon of one's own at a port that stays, and how to start it again."""

    def start():
        return start_with_gateway(own_bridged, "--gateway-address", f"127.0.0.1:{free_port}")

    return start


@pytest.mark.endurance
@pytest.mark.timeout(900)
def test_gateway_and_daemon_die_while_an_edit_runs(unconnected, own, gateways_of, held):
    kit, served = unconnected, own()
    kit.connect(served.gateway, served.token, give_up=240)
    kit.ask("edit", name="reconnect", **held.edit(steps=40, every=5))
    kit.painting("reconnect")
    (gateway,) = gateways_of(served)
    os.kill(gateway, signal.SIGKILL)
    end = kit.until("reconnect", "end")
    assert (end["state"], end["results"]) == ("done", 1), end

    kit.ask("edit", name="restart", **held.edit(steps=40))
    kit.painting("restart")
    served.kill()
    own()
    end = kit.until("restart", "end")
    assert (end["state"], end["results"]) == ("done", 1), end
    one, two = (read_back(kit.told(name, "result")[0])[0] for name in ("reconnect", "restart"))
    assert np.abs(one.astype(int) - two).mean() < 1.5

    kit.connect(served.gateway, served.token, give_up=1.5)
    kit.ask("edit", name="away", **held.edit(steps=200))
    kit.painting("away")
    served.kill()
    end = kit.until("away", "end")
    assert (end["state"], end["results"], end["error"]["kind"]) == ("failed", 0, "Lost")
    assert "Fix: start it with `retouch serve`" in end["error"]["message"]
    kit.ask("edit", name="late", **held.edit())
    late = kit.until("late", "end")
    assert (late["state"], late["error"]["kind"]) == ("failed", "NotRunning")
