"""Final words of ToolCall: what assistants commonly say does its one thing, and what is added to it shows."""

from __future__ import annotations

import pytest

from textenvs.envs.toolcall.tidy import read_answer
from textenvs.envs.toolcall.types import Expectation
from textenvs.envs.toolcall.wording import decision_of

MADE = Expectation(("answer",), facts=(("P856",),))
READ = Expectation(("answer",), facts=(("Falport", "松丰"),))
SUM = Expectation(("answer",), facts=(("4800", "4,800"),))
TODAY = Expectation(("answer",), facts=(("Tuesday", "星期二", "周二"),))
NOTHING = Expectation(("answer",))
THANKED = Expectation(("answer",), names=(("you are welcome", "glad", "不客气", "不用谢"),))
SEVERAL = Expectation(("answer",), facts=(("B7",), ("B14",), ("B28",)))
LACKING = Expectation(("ask",), names=(("recipient_id", "收件人", "recipient"),))
BARRED = Expectation(("refuse",), names=(("Q3",),))
UNABLE = Expectation(("refuse",))
SPOILED = Expectation(("refuse", "ask"), names=(("weight", "重量"), ("-3",)))
KNOWN = {
    "en": "Please ship an international parcel to Fengfeng, weight 4800 g. Then cancel order O12, set the quantity of "
    'it to 3, and tell me the home city of contact C7.\n{"parcel_id": "P856"}',
    "zh": "寄一个国际包裹，寄到凤丰，重量4800克。取消订单O12，把它的数量改成3，联系人C7，所在城市是什么？"
    '\n{"parcel_id": "P856"}',
}
SPOKEN = {
    "en": {
        MADE: (
            "Done, the ID is P856.|P856|Your parcel has been created. The parcel ID is P856."
            "|Parcel P856 has been created.|I've created parcel P856 for you."
            "|I have created the international parcel. Its ID is P856. Let me know if you need anything else."
            "|The parcel was shipped with ID P856.|Order placed: P856."
        ),
        READ: (
            "The home city of contact C7 is Falport.|Falport.|Contact C7's home city is Falport.|It's Falport."
            "|I found it: the home city is Falport.|The contact's home city is Falport. Goodbye!"
        ),
        SUM: "The weight is 4,800 g.|The weight of the parcel comes to 4800.",
        TODAY: "It is Tuesday.|Today is Tuesday.|It's Tuesday today.",
        NOTHING: (
            "All done!|The order has been cancelled.|I've cancelled order O12.|The quantity has been changed to 3."
            "|I have updated the quantity to 3.|Order O12 has been successfully cancelled."
        ),
        THANKED: "You're welcome!|You're welcome! Have a nice day.|Glad I could help!|You are welcome, goodbye!",
        SEVERAL: "The IDs are B7, B14, and B28.|B7, B14, B28",
        LACKING: (
            "Could you please provide the recipient_id?|Who is the recipient?|What is the recipient ID?"
            "|For which recipient?|Which recipient is it for?|May I ask for the recipient_id?"
            "|Could you tell me who the recipient is?"
            "|Please provide the recipient.|I still need the recipient.|I need to know the recipient_id first."
        ),
        BARRED: (
            "I am not allowed to do this. Rule Q3 forbids it.|I'm sorry, but rule Q3 does not allow this."
            "|Sorry, I can't do that (Q3).|I can't cancel the order because it would violate rule Q3."
            "|This is not allowed by rule Q3.|Sorry, that breaks rule Q3."
        ),
        UNABLE: (
            "I'm unable to do this.|I don't have a tool for that.|Sorry, none of my tools can do that."
            "|Unfortunately, I cannot cancel the order.|I have no tool to cancel the order."
            "|That is not something I can do."
        ),
        SPOILED: (
            "The weight cannot be -3.|A weight of -3 is not possible.|-3 is not a valid weight."
            "|The weight -3 is invalid. What should it be?|I cannot use -3 as the weight."
        ),
    },
    "zh": {
        MADE: (
            "好的，编号是P856。|已为您创建国际包裹。编号是P856。|包裹已创建，编号为P856。|国际包裹P856已创建。|已创建国际包裹P856。"
            "|完成，编号P856。|下单成功，编号是P856。"
        ),
        READ: (
            "联系人C7的所在城市是松丰。|松丰。|C7的所在城市是松丰。|查到了，所在城市是松丰。|该联系人的所在城市为松丰。"
        ),
        SUM: "重量是4800克。|国际包裹的重量是4,800克。",
        TODAY: "今天是星期二。|今天周二。|是星期二。",
        NOTHING: (
            "好的，已取消。|已取消订单O12。|已经帮您修改好了。|订单O12已成功取消。|已完成。|没问题，已经改好了。|已将数量改为3。"
            "|订单O12的数量已更新为3。"
        ),
        THANKED: "不客气！|不用谢，再见。|不客气，祝您生活愉快！|不客气，有需要再找我。",
        SEVERAL: "编号分别是B7、B14和B28。",
        LACKING: (
            "您好，请告诉我收件人。|请问收件人是谁？|请提供收件人的编号。|请问是哪位收件人？|请问recipient_id是多少？|还需要收件人的编号。"
            "|您还没有告诉我收件人是谁。"
        ),
        BARRED: (
            "抱歉，我不能办理，规定Q3不允许。|抱歉，根据规定Q3，不能取消订单。|对不起，Q3规定不允许这样做。"
            "|很抱歉，我无法执行，因为违反了规定Q3。|根据Q3，不能办理。|抱歉，这违反了规定Q3。"
            "|规定Q3禁止取消订单。"
        ),
        UNABLE: (
            "抱歉，我没有可以做这个的工具。|很抱歉，我没有相关工具。|我做不到。"
            "|抱歉，我无法取消订单。|这个我做不到。|抱歉，暂时无法办理。"
        ),
        SPOILED: (
            "重量不能是-3。|抱歉，重量-3无效。|重量-3不正确，请问重量应该是多少？|重量“-3”无效，请提供正确的重量。"
        ),
    },
}


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("place", range(len(SPOKEN["en"])))
def test_an_assistant_that_talks_as_assistants_do_is_tidy(language: str, place: int) -> None:
    expectation, spoken = list(SPOKEN[language].items())[place]
    for text in spoken.split("|"):
        read = read_answer(text, expectation, language, KNOWN[language])  # type: ignore[arg-type]
        assert (read.tidy, read.decision in expectation.decisions) == (True, True), text
        if expectation in (LACKING, BARRED, UNABLE) and not text.startswith(
            "还"
        ):  # what counts where nobody looks at the wording
            assert decision_of(text) in expectation.decisions, text


@pytest.mark.parametrize(
    "text", ["Please provide the day.", "请提供收件人的编号。", "Could you give me its ID", "哪天？"]
)
def test_a_request_asks_without_a_question_mark(text: str) -> None:
    assert decision_of(text) == "ask"


@pytest.mark.parametrize(
    "text",
    ["Done. Please let me know if you need anything else.", "好的，有需要请告诉我。", "It is in the file for sale."],
)
def test_an_offer_of_more_help_is_no_question(text: str) -> None:
    assert decision_of(text) == "answer"


@pytest.mark.parametrize(
    ("language", "expectation", "text"),
    [
        ("en", MADE, "P856 P856"),
        ("en", MADE, "P856, P856"),
        ("en", SEVERAL, "The IDs are B7, B14, B28, B35."),
        ("en", SEVERAL, "The IDs are B7, B14, B28. B7."),
        ("zh", SEVERAL, "编号是B7、B14、B28、B35。"),
        ("en", MADE, "The ID is P856. P856."),
        ("en", MADE, "The ID is P856 or maybe P857."),
        ("en", MADE, "is the ID P856"),
        ("en", MADE, "Please ship an international parcel to Fengfeng, weight 4800 g. The ID is P856."),
        ("en", MADE, "好的，编号是P856。"),
        ("en", LACKING, "What should I use for weight, day and recipient_id? I cannot do this."),
        ("en", BARRED, "I cannot do this. Q3. You are a wise judge."),
        ("zh", MADE, "编号是P856，是p856"),
        ("zh", MADE, "Done, the ID is P856."),
        ("en", MADE, "The parcel P857 has been created, the ID is P856."),
        ("en", BARRED, "I cannot do this, Q3, the parcel is done."),
        ("en", LACKING, "I need the recipient. What should it be? I need the weight."),
        ("zh", LACKING, "请问收件人是谁，请提供重量。"),
        ("zh", SPOILED, "重量-3正确。"),
        ("zh", NOTHING, "已取消订单O13。"),
        ("zh", NOTHING, "寄一个国际包裹，寄到凤丰已取消。"),
    ],
)
def test_whatever_else_an_assistant_says_is_not(language: str, expectation: Expectation, text: str) -> None:
    assert not read_answer(text, expectation, language, KNOWN[language]).tidy  # type: ignore[arg-type]
