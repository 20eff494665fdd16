"""Orders of goods for customers."""

from __future__ import annotations

from textenvs.envs.toolcall.world.kinds import COUNT, FLAG, ITEM, MONEY, Choice, Ref, both
from textenvs.envs.toolcall.world.spec import Field, Service

STATUS = Choice({"open": both("待发货", "open"), "shipped": both("已发货", "shipped"), "paid": both("已付款", "paid")})

ORDER = Service(
    name="order",
    noun=both("订单", "order"),
    letter="O",
    fields=(
        Field("product", both("商品", "product"), ITEM, both("商品是{v}", "product {v}")),
        Field("quantity", both("数量", "quantity"), COUNT, both("数量{v}", "quantity {v}")),
        Field("gift_wrap", both("礼品包装", "gift wrap"), FLAG, both("要礼品包装", "with gift wrap"), default=False),
        Field("total", both("总价", "total"), MONEY, default=0),
        Field("status", both("状态", "status"), STATUS, default="open"),
        Field("customer_id", both("客户", "customer"), Ref("contact"), both("客户是{v}", "customer {v}")),
    ),
    verbs=("look", "browse", "add", "change", "drop"),
    title="product",
    stated=("product", "quantity", "customer_id", "gift_wrap"),
    changeable=("quantity",),
    acts={"add": both("下一个{noun}", "place an {noun}"), "drop": both("取消", "cancel")},
)
