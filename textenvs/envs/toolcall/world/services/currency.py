"""Exchange rates, and sums converted by them."""

from __future__ import annotations

from textenvs.envs.toolcall.world.kinds import RATE as RATE_KIND
from textenvs.envs.toolcall.world.kinds import Choice, both
from textenvs.envs.toolcall.world.spec import Field, Service

CURRENCY = Choice(
    {
        "USD": both("美元", "dollars"),
        "EUR": both("欧元", "euros"),
        "JPY": both("日元", "yen"),
        "GBP": both("英镑", "pounds"),
    },
    both("贝壳", "seashells"),
)

RATE = Service(
    name="rate",
    noun=both("汇率", "exchange rate"),
    letter="X",
    fields=(
        Field("source", both("源币种", "source currency"), CURRENCY, both("从{v}", "from {v}")),
        Field("target", both("目标币种", "target currency"), CURRENCY, both("换成{v}", "to {v}")),
        Field("rate", both("数值", "value"), RATE_KIND),
    ),
    verbs=("look", "convert"),
    key=("source", "target"),
    known_as=both("{noun}（{source}到{target}）", "the {noun} ({source} to {target})"),
    acts={"convert": both("按{noun}换算", "convert a sum by {noun}")},
    editions={"cash": both("现钞", "cash"), "card": both("刷卡", "card"), "wire": both("电汇", "wire")},
)
