"""Weather forecasts, by city and day."""

from __future__ import annotations

from textenvs.envs.toolcall.world.kinds import CITY, DAY, Amount, Choice, both
from textenvs.envs.toolcall.world.spec import Field, Service

SKY = Choice({"rain": both("下雨", "rain"), "sun": both("晴", "sunny"), "snow": both("下雪", "snow")})
DEGREES = Amount(1, 35, 1, {"zh": ((1, "度"),), "en": ((1, " degrees"),)}, both("摄氏度", "degrees Celsius"))

FORECAST = Service(
    name="forecast",
    noun=both("天气预报", "forecast"),
    letter="W",
    fields=(
        Field("city", both("城市", "city"), CITY, both("城市{v}", "city {v}")),
        Field("day", both("日期", "date"), DAY, both("日期{v}", "date {v}")),
        Field("sky", both("天气", "weather"), SKY),
        Field("high", both("最高气温", "highest temperature"), DEGREES),
    ),
    verbs=("look",),
    key=("city", "day"),
    known_as=both("{noun}（{city}，{day}）", "the {noun} ({city}, {day})"),
    editions={"hourly": both("小时级", "hourly"), "daily": both("每日", "daily"), "marine": both("海上", "marine")},
)
