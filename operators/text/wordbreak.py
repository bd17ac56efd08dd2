"""Word-break classes of code points (UAX #29), pinned to Unicode 14.0 as ``text.unicode`` is.

A byte per code point: the Word_Break property in the low five bits, ``ALNUM`` where ``str.isalnum()`` holds and
``PICTOGRAPHIC`` for Extended_Pictographic. The data are those of Unicode 14.0.0 (WordBreakProperty.txt, emoji-data.txt),
taken from the regex package of August 2022; ``ALNUM`` from Python 3.11. uniseg 0.8 carries Unicode 15.0, which differs in
code points alone that 14.0 does not assign; uniseg 0.10 carries 16.0, which moves 16 assigned ones, all of them rare
(Arabic number signs, Syriac abbreviation mark, New Tai Lue one, two presentation forms); uniseg before 0.8 carries 6.2.
"""

import functools

import numpy as np
import numpy.typing as npt

from corpusmill.operators.text.unicode import decode_runs

CLASSES = (
    "Other", "CR", "LF", "Newline", "Extend", "ZWJ", "Regional_Indicator", "Format", "Katakana", "Hebrew_Letter", "ALetter",
    "Single_Quote", "Double_Quote", "MidNumLet", "MidLetter", "MidNum", "Numeric", "ExtendNumLet", "WSegSpace",
)  # fmt: skip
(OTHER, CR, LF, NEWLINE, EXTEND, ZWJ, REGIONAL, FORMAT, KATAKANA, HEBREW, LETTER, SINGLE_QUOTE, DOUBLE_QUOTE, MID_NUM_LET,
 MID_LETTER, MID_NUM, NUMERIC, EXTEND_NUM_LET, SEGMENT_SPACE) = range(len(CLASSES))
CLASS = 31  # the bits that hold one of these
ALNUM = 32
PICTOGRAPHIC = 64


@functools.cache
def properties() -> npt.NDArray[np.uint8]:
    """One byte per code point: class | ALNUM | PICTOGRAPHIC; shape (DECODABLE,), read-only."""
    return decode_runs(RUNS)


RUNS = (
    "c-n<mONeAw8UD|?|9#Y{cXf4Fb@z1l=}D)j>hJ04%1mZ56J6XmW+YKeP!f#`pF}YVK5^q_2!R1(z=bF%Og14%HX0X^*+`T~zz1fbf*?T!b)je$E?kKC{r^"
    "4P(-So={<`O$d(QuUd_}>#%sWS;kt5e}#BER?>n>;!dJgMc)`*9A$1`M(ZmXR*@};XCWzmzqxgIFmDrVT3fVMzC&H_s(6jTH+c__sN9127JwB-2g$qU5cS"
    "|MN|S;I`mpm&3w#0!`5tnTgNtP401^yIvcCl$Pp1A53Oa#YRNiRY}Rs9i#GA5yqYu7tX>$IFXAZlH!iK0En{%H*<CE(La!3yWU_XakAVFZH{VO<u?QBizP"
    "b4_~*rrTQBmxC4^Ctl*}@zT*s((@0i1BbGLtIK{aFT6kz(iSV>^ye${(<VZD;0NGx(lL4zIDsWT}tzcc6luTG9>1k3;z22q@vY|0fWDN(s6${f|J>rd9VP"
    "|e~^GD>(gE?`-kutoOkfajJ1+)^~X&aXoHBmawB~Ln4;F1}c-^`b4kNTr%zWs+y$L}B6M5TG{m_@1!EDGG@M*&YLH^wt1AfA~K^p_57$zg|T!=_Ea7BwVi"
    "mvd;*SfOb;IFjzt`I1et-SbCQRMBFPthjkU++x9T9!2BdBMUra^N|PV@awS~qJ;)O$MVqT*lIGyB#vO!H2Gh(DlJNEe%0tzR6vHx>c$1QcyP{RsWHL+DJ|"
    "2e#fhqm)3gqDu7$O?eX9V|)kmfXITN)4nuH{!A>@g9U<a$Q)}7>9U%W#te7zL+cpOz~5ew$XoJH868pRCnUGCr=-z_q`W>0Q5?P2{hZ(;Q*;hXh5J-7eMw"
    "?3Yi()zL`Pb-e$tN{(=VeDzD{6#+wN7}%0c{?`R$nO#4w`2(y+E{z)NVkcMuH&5?(cEBbv<fn70u4DUO?Slh5%9=i`$=vrxI#f&9&7G(D8Or*=GS&S4K8c"
    "uM@P5IL@O<xXZ7iZ=8bX#b)#1D7TtmTJm4WboGnyhi#n+CP3~GxI?X+3x&yyg_=;@D-VUs5L7P21GqT>n%fiqLSuahG$mK=HwS3K+OT2YceOAephqQ&g^T"
    "+y4W^3y^)<L?OrOn<5XGSW^<=WM%uBU*p;d>Y<WsZT-!GQ2X)FgT&V;!&;My^DzmBEIEb}7U@sz1AQj<;zj+RHQ>Lee0&ySHkoy(v7Vrx^EhyW!$M=I~*t"
    "3+mUN{^s$cDtrKR1+-eX!78Ii<C|$MbnbWIR9vCw9F7HiZh`Ku!5Q~m-2r_T`(GfBYdY$b3LSar8E~(!7S@e*&Yqb)+jUMo#NXjv`Sue1U3L0-hTSDB&ZV"
    "2rIr)Q5KvW8Pgw^9Mb#W1~ML%WjH!X|I8xZpL0H<HcM&?Kq{%UM76rQ0;MF_B|{jj!*3h$Mhy^q{X-KgdFetcsja-_v<KoNo2j7X8#w{<s}Il=p&Iv`iQm"
    "%ioVi|440SD$h6REsXl8EE{JHsXN|qA`*gPStdmEtJcHD6f^!mlgoQ$3QhCAGYwErWk$N^qr-zl?toAX#H|03c<@+9%*r*p^vP#(-?=W6Rg8!!d(=|2HGP"
    "-a*uk_w4xl%PKz?P*4u+4RZ5kba}g)hw5hW=*R(4XFUaXTO{0#3HuUk<o`V%nLpMXR2XNCvAU|iLFmaY=-UEdu2*w@s#9QKDbv8dnySUJS!TB5l=5Wp&-D"
    "eKv<}hgP69xG&ZOflMfJ6;h7ieaqZP2$e>+4V+P=*ql4zokl)>q)OX7K8o!89tnZw%_%vx_?(m7g6mN;}DkQm1go&Nx|0)4GpuJvu30M3>x$4d;<CL!{Yf"
    "5U9tUdLD)%StDSW#HdYn6XJH^yBsU8W5e1`P9oP+Z?#RO8C4o+bZBR-{SYJE`hHoyhe82}2;el;At_?R@m@)=M@}b5panF6%PadWVP=KFx=7~aF_)F7jct"
    "vtpwKvC;734$c%~Wkh+>XR;xx23Y{DQX!DAvDhJH7Y8__H}fzyl(8z52v+Nsnf$fz*BCx8zR%6)W~oTDzNj4&FNp>6zGAGaD4xIr=R1k<3%4v4Z17p~j15"
    "?Kb5v33D;iu2sZY#A?t^>{V91x5EUi8bb0HlbAGR~5sdTr!C385&TG>W%wthFYERTW}9%vK6aNnx@w>hAHMF)~lFmilXj0Hh!C!1oWo^e9cV`|4)?X65=^"
    "Td55?x*EvdxSTZEZlMbehw6UwI+6`zE%8gT(Fn>A7Q$895MXe`sU}(W^<MS?1ez(D{bOCAT;VDMxYj8@sf!x5xqf#5h>X@=FjY5?%HBhAru>pSr1YmW=PM"
    "$KsW#b+wzmDG^Gu_c>>K_oS+HyuK6Q@Rq`8992?RIMmmG*LoUTVsL;UmQ5z9T>FLVR}gpQbb+mDNa*PDIYr*F0JIf(MXcH4VJuGVRGXO8TgL3gh%8M?W3Q"
    "hXBXF4e4czUfz<IarCm>07_NFV!R(nPt^#R1^z5iU~GmvL%z$<cZt4}OO0Onalj}x-`oYLtFWMM;$wdlJci#t4p3;nYLURlf4Ua~#?8QGhC?$KpZ2qi_E9"
    "%Oe5m4=GkRhqpMZcae5Oza&_)d`nSQgwm?%7<>kXtY%1Zk@)Z2u`U)3W0rbCi`GOp4!Cl5i1x21oUE@h!+WGCgUT5?Z<i&c6*k#adth(q^&;jMI>(boTYL"
    "Z8K1y2@|{^I1!R9%#kl)TdV}ocvvb^@pZ<iXQ#a$v$i<A<{R6Nk8zwdJcg*&B$5$V>4a&sQEhik>aKnxXk6PmWX=p>qUH1^WPio;vHzrI<tS+TwG6=U22U"
    "XF>ETlNQmnuy2@U6{`GYDjg$ZQ7(eAbOc*h@^-I3K>SGs}XRCGrI2hz>zTX3a`49{N`8v?3zEoh&)O|x^W7|d50Fkxo@1il(-v`F5zvO9AUv>0(Ahd_-Jp"
    "eqWi*;qFZ-(b){VwbQnt-FLZ)EhE<#qipcsTwR|1M&@5z%~KRVO~ak3@a`ZhCqeuQUC=9e=V*FZ_BBZF7@9NLL-d=IAT`Z2uca?=?F"
)
