"""Number format and order of weights are chosen by what was measured for the device."""

import pytest
import torch

from retouch.models.decoder import Decoder
from retouch.models.model import Model
from retouch.models.precision import choose_memory_format
from retouch.testing.checkpoints import tiny_sd


@pytest.mark.parametrize(
    ("device", "order"),
    [("cpu", torch.channels_last), ("cuda", torch.contiguous_format)],
)
def test_channels_last_on_a_processor_and_contiguous_on_cuda(device, order):
    assert choose_memory_format(torch.device(device)) is order


def test_a_model_takes_the_order_of_its_device_unless_it_is_told_another():
    checkpoint = tiny_sd()
    kernel = checkpoint.unet.down_blocks[0].resnets[0].conv1
    model = Model(checkpoint, dtype=torch.float32)
    assert model.memory_format is model.decoder.memory_format is torch.channels_last
    assert kernel.weight.is_contiguous(memory_format=torch.channels_last)
    plain = Model(checkpoint, dtype=torch.float32, memory_format=torch.contiguous_format)
    assert plain.decoder.memory_format is torch.contiguous_format
    assert kernel.weight.is_contiguous()
    decoder = Decoder(checkpoint.vae, dtype=torch.float32)
    assert decoder.memory_format is torch.channels_last
