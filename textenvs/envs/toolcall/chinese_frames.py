"""How tidy assistants put their final words in Chinese: frames of one sentence each, folded (narrow punctuation)."""

from __future__ import annotations

from textenvs.tidiness import Frames

_SORRY = r"(?:(?:很|非常)?(?:抱歉|对不起|不好意思),?)?"
_YOU = r"(?:您|你)"
_ASKED = rf"(?:请问|请(?:{_YOU})?(?:告诉我|提供|告知|补充|说明)(?:一下)?|麻烦(?:{_YOU})?(?:告诉我|提供)(?:一下)?)"
_NOW = rf"(?:已经?|都已经?)?(?:成功)?(?:[为帮给]{_YOU})?(?:成功)?"
_WORK = (
    r"(?:办好|办理|完成|处理|提交|创建|建好|预订|订好|发送|取消|修改|更改|更新|删除|添加|安排|下单|下好|寄出|设置|改好|撤回|撤销|"
    r"转账|换算)"
)
_DO = rf"(?:{_WORK}|[做办改建发寄下订])"
_DID = rf"{_WORK}好?(?:完成|成功)?(?:了|好了)?"
_SET = r"(?:改为|改成|更新为|更改为|修改为|设为|调整为|换成)"
_ID = r"(?:<thing>的?)?编号(?:是|为|:)?<value>"
_IS = r"(?:应该)?(?:是什么|是多少|是哪一?[个位]|是谁|呢)呢?"
_CAN_NOT = r"(?:我|目前|这里|暂时|所以)?(?:无法|不能|没法|不可以|不允许|不得)"
_RULE = r"(?:根据|按照?|因为|由于)?(?:违反了?)?(?:规定)?<named>(?:规定)?(?:不允许|禁止)?(?:这样做|这么做)?"

CHINESE = Frames(
    {
        "fact": (
            r"(?:它?的?编号|今天|它|结果|<thing>)(?:是|为|:)<value>",
            r"(?:该|这个|新的?|您查询的|目前的?)<thing>(?:的编号)?(?:是|为|:)<value>",
            r"(?:该|这个)?<thing>的<thing>(?:是|为|:)<value>",
            r"<thing>目前的<thing>(?:是|为|:)<value>",
            rf"{_ID}",
            rf"{_NOW}{_DID},{_ID}",
            rf"<thing>{_NOW}{_DID},(?:编号|<thing>)(?:是|为|:)?<value>",
            rf"{_NOW}{_DID}<value>",
            rf"<value>{_NOW}{_DID}",
            r"<value>",
            r"(?:今天|是)<value>",
            r"<value>是<thing>",
            r"(?:它们的)?编号(?:有|是|为|分别是|:)<values>",
            r"<values>",
        ),
        "done": (
            r"好的?",
            rf"(?:请求)?{_NOW}{_DID}",
            rf"<thing>{_NOW}{_DID}",
            rf"{_NOW}{_DID}<thing>",
            rf"<thing>{_NOW}{_SET}<thing>了?",
            rf"<thing>的<thing>{_NOW}{_SET}<thing>了?",
            rf"{_NOW}[将把]<thing>{_SET}<thing>了?",
            rf"{_NOW}[将把]<thing>的<thing>{_SET}<thing>了?",
        ),
        "welcome": (r"不(?:用|必)?(?:客气|谢)", rf"很高兴(?:为{_YOU}服务|能?帮到{_YOU})"),
        "ask": (
            rf"{_ASKED}(?:您的?)?<named>(?:的?编号|信息)?(?:{_IS})?",
            rf"(?:您的?)?<named>{_IS}",
            rf"{_ASKED}(?:这个|该)?<thing>的<named>{_IS}",
            rf"{_YOU}还没有?(?:告诉我|提供|说)<named>{_IS}",
            r"(?:请问)?(?:是|需要|要用|用|选)?(?:什么|哪一?[个位]|多少)<named>(?:呢)?",
            r"<named>(?:应该)?是(?:什么|多少)(?:呢)?",
            rf"(?:还|我)?(?:还)?(?:需要|缺少?)(?:{_YOU}的)?<named>(?:的?编号|信息)?",
            rf"请(?:{_YOU})?重新提供(?:<named>)?",
            rf"请(?:{_YOU})?提供正确的<named>",
        ),
        "refuse": (
            rf"{_SORRY}{_CAN_NOT}(?:做到|执行|帮忙|{_DO})?(?:(?:这个|该|此|您的|这项)?(?:请求|要求|操作|事))?",
            rf"{_SORRY}{_CAN_NOT}(?:做到|执行|帮忙|{_DO})?(?:(?:这个|该|此|您的|这项)?(?:请求|要求|操作|事))?[,:]{_RULE}",
            rf"{_SORRY}{_CAN_NOT}{_DO}<thing>",
            rf"{_SORRY}{_CAN_NOT}{_DO}<thing>[,:]{_RULE}",
            rf"{_SORRY}{_RULE},{_CAN_NOT}{_DO}(?:(?:这个|该|此|您的|这项)?(?:请求|要求|操作|事))?",
            rf"{_SORRY}{_RULE},{_CAN_NOT}{_DO}<thing>",
            rf"{_SORRY}(?:这个?)?我?(?:做不到|办不到)",
            rf"{_SORRY}(?:我|目前)?没有(?:可以|能)?{_DO}<thing>的工具",
            rf"{_SORRY}(?:我|目前)?没有(?:合适|相应|相关|可用|能做到)的?工具",
            rf"{_SORRY}(?:我|目前)?没有(?:可以|能)?(?:做|处理|完成)(?:这个|这件事|此事)?的?工具",
        ),
        "reason": (
            r"<named>",
            rf"{_SORRY}{_RULE}",
            rf"{_SORRY}这违反了?(?:规定)?<named>",
            rf"{_SORRY}(?:规定)?<named>(?:规定)?(?:不允许|禁止){_DO}<thing>",
            rf"{_SORRY}<named>(?:不(?:对|正确|可能|合理|存在|允许|合法)|无效)",
            rf"{_SORRY}<named>(?:不能|不可以|不可能|不可)(?:是|为)<named>",
        ),
    },
    (
        r"好[的了]?|搞定|可以|当然|没问题|(?:很|非常)?抱歉|对不起|不好意思|您好|你好|谢谢(?:您|你)?|查到了|根据查询结果",
        rf"还有什么可以帮{_YOU}的?吗?|再见|祝{_YOU}?(?:生活)?愉快|有需要再找我",
    ),
)
"""The sentences of tidy assistants: ``<thing>`` has been named in the conversation, ``<named>`` must be or may be."""
