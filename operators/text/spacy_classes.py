"""What spaCy's English rules and datatrove's word lists say of single characters, as one table.

These are facts of spaCy 3.8 (the character classes behind the prefixes, suffixes and infixes of ``blank("en")``, and the
full stops of its ``sentencizer``), of datatrove 0.10.1 (its punctuation and sentence ends) and of Unicode 14.0, read from
them by ``benchmarks/agreement/spacy_table.py`` and kept as data: a signal must not change with what is installed.
"""

import base64
import functools
import zlib

import numpy as np
import numpy.typing as npt

from corpusmill.operators.text.unicode import CODE_POINTS, DECODABLE

PREFIX, SUFFIX = 1, 2  # split off at a chunk's start, or its end, whatever stands beside it ("+" needs no digit after it)
ICON = 4  # split off anywhere: dingbats, emoji and the like, and "…"
ALPHA, LOWER, UPPER, QUOTE = 8, 16, 32, 64  # what spaCy looks for beside an infix; scripts without case are both
DOTTED = 128  # a full stop after it is a token
CURRENCY = 256  # split off after a digit
WORD = 512  # \w of Python's re
LETTER, DIGIT, PUNCTUATION = 1024, 2048, 4096  # str.isalpha(); str.isdecimal(); categories P*
FULL_STOP = 8192  # the sentencizer's
SYMBOL, TERMINAL = 16384, 32768  # datatrove's PUNCTUATION_SET and TERMINAL_PUNCTUATION


@functools.cache
def classes() -> npt.NDArray[np.uint16]:
    """The class bits of each code point, zero beyond U+10FFFF; shape (DECODABLE,)."""
    packed, numbers = zlib.decompress(base64.b85decode(RUNS)), []
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    table = np.zeros(DECODABLE, np.uint16)
    table[:CODE_POINTS] = np.repeat(np.array(numbers[::2], np.uint16), numbers[1::2])
    table.flags.writeable = False
    return table


def encode(table: npt.NDArray[np.uint16]) -> str:
    """The text of ``RUNS`` for a table of class bits: (class, length) per run, as little-endian base-128 numbers."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(table)) + 1])
    packed = bytearray()
    for start, stop in zip(starts, [*starts[1:], len(table)], strict=True):
        for number in (int(table[start]), int(stop - start)):
            while number >= 0x80:
                packed.append(number & 0x7F | 0x80)
                number >>= 7
            packed.append(number)
    return base64.b85encode(zlib.compress(bytes(packed), 9)).decode()


RUNS = (
    "c-rk*OROA66|JhSo|>80{r*2Y_Io|Xzr=q#*a->B!@))&D10Om86lL2gattg671O2vm=}Zkw9W$Wf3_dAn$-hpsg$(;2;zM3nYld200s8fLI|E$s"
    "5i&)!m+#7Y8qhM5HXHrlvl(Zr!?{bMM4x2gb!{7mU5|W@fLwWbFlf*3aY9^qaA4eLeLfKi4xGFXMY*h$(jgQ|l4S@J%wDx>9WCZg%y}=^ugumRu^"
    "+)Ot6y3&)SFvFk21!LC>61se;UX<X1xV`FZk7Zps!Ds96^voQJ$BUg$ggC<-mmkmzqUn$Vq|NGXx$LrtI)@>fiHjku!CZ7G~k#42CHBGmL&iESlT"
    "+tjF3y;ooEs?FA_g=hi%W>KJLHEYnF!myy5d5vzKM{*r<6}{n$ynqjz!nV+(yUwlM&saQ3J-JTXzz+F7lNUYS~i$PJF}lg8+k0Kf$%o<@v8esWYD"
    "hbt3@BoRhP<LTH9BP!QF5ZAks?=CXG;Mc<auNwlmpw&ho^)WE;HpVsWQjUPVuY%hdKzJ+ig6YTZ~nsLMNQ>+90jBWLDg<>cD16Z<BTx4N7;dda#x"
    "U>4&1P}5mmI?^k@{Hms`>Ej+fjk*m?kfy5_hIN^3;H;89IE&SUSR}J6W@juw<|z4|;NT>P$6{m#kQ7{L<#Y#3<gr-fgIP{lld%c03gC>Krmu{AlJ"
    "GXHuXMx&cP_KnGc$F$!Y4l|&d}m$a5<|s)a4L->ni+!Z3w5F*4jR0rF+%oqV62jTG8+=rD?TgE0>IWd3|lndy<KEN%-Wf$2&>Y7Rh5sns>8Vg)$_"
    "?43G@hK?8X;sO^9g{Q361c@obon<<WYN)?-^aFlbOgx=}YX6H)tGt*9mwCH=L-`*2<=&7HnpYHEkiCFcsw$0QQwO!Qg0wt0|Awa=OB16g7w$zr?P"
    "Pb=m*SJ$Zy@6zk_ks}fu+cpOUu!F!q1wEqw%YR9(MkQ1?{HI~cP15`Mgx`hY1D^SBGC^h6x<-M%URK07NtQe11Akx)d^nDJwduhlcXnr7bx~VHJ4"
    "B0%$`Q%*0c_2x%)XxyQKK8nWY^hh47{#n=q`YAfwG-@I7%kY$1qXNaeY_&)vJtvK#}69Sax=J$ziO^57e84!{!>;_iBe3E$|dPa2Yup++7>X^O-t"
    "81kS3V{UC$XB?0hg&Do>T77Y27SxU0Io2P&>&hwh?;RU?kZ&<^GTo8K7YuG5FB6ODFf{OnkCKxf8uIcF8kIcD3|ZaIJ7ej?bRj;YkOBil8H+iLLj"
    "V;1ERC*AIs&u08*;y#WeL-@j)#(&=Xst@l_eLPx1Kmplf^mG&&koQPE=<NJm0Dr1)GkPCtOKy1e-lbNpCmlVX-72hAhzqV!?;afkaqM#b^c!ddbI"
    "Pam38<Mp^fkE`3=DW)KEq-Sa41H=TOWEb7H~o29f=m%>#=qu8xMm`k9V&?m*J4<2#Bg~ng?lFCX~@=N93Se&_3mWp@adyiRrU!jW++O6&213BDI%"
    "MjZ*o`lVMofEd3n^hxAZsW0hY?gj9Nl1I;ZS!to4yJkGvZaMy8!4N-Cg6r1Y%*MAda1Zy70Hlkm$HAEEcykUgHln@M~KhlPb}S6CLqZ3vUOLPH9B"
    "@12*KD(s30WNfN)c!%(rVin~9+KlyiwyfYGEsK}X|r>>dPo!QhQ3>4VFMRYBGixmL|-CgSFG8*mLD<}nwpja>LFCRfb1u;28;8GKK``S|<8BhfDg"
    "dl6g0D>_qMhPRWzr_bQ~EnIst`jv2yC=nP7)F_SV5S_Vz$wl)3gJs3Z^DZ1U3*e>~_Tl6TpJSk*cY1s*U3$mN%WuxhdV>ED!c!EOPeC-Nr}cW3x5"
    "v$Ul$Y=Ur|9bkjb{9}W)!Q#4Qx*Dj<2~C_%2fi24>d=U=`8Vx!M*R_6>qCGreH}((+fKGXlXQp)-J^+}?P}_HK+EzJTi;di7|?$sBm6C*YM6;OD}"
    "8+?V3~qns@hGW&vB>B0fB`6a1?_W|*w+OWI92txG+AQS0=`bwSmb;i_&tu(Sv{RhN&M9BZeiLh3e@nukZet>{@iV`}^YwGgPyVQjsrxmuC+aMS+r"
    "!zyr0GZrbD!Xg9rI1bBJutVQO=s_C2eq}_<lcS#X2Hbbe<+E3tQ|jMhKe%|keA^^H4{3}F5t0b0AcaQzSnpVSlZnU<RQR1ZnihziX;Tl5`YtRs>z"
    "N7%cVn0!pX7NNlQEe{0D56;ILQ`;FaYHlMl5&PYJ|Q!&P4yL#tpoZ7H+}`grH(U4nV8iwDaBRW9YP(&3CCyVpgK-ncusRLZ8{Zs=-x<!|5;)MK3u"
    "BYgQW8Q2m7$T9Qm>AL)9%4WY>+r6YwaAV%0?35RkZSFLl*LCgJ%&0E^PB>|h_pXWBNwXiRo~ofpKdYfxtVdOo#kY~iaa>-_ryLywe0$7AjH(=~*u"
    "!#d<q*uAR$fTqtO3(;-p21^V7||KuF29i7IE>Y=>V2(n=@4CZR-idw&y7Kad}F{f#{nlAGD_odX_>N0-L!mPoCn$qyd!u79BXVAb$uO2hraf5KtY"
    "GFdGVxvF1oP#Ha!t$|(Ek=<nbwRB(QL!+C|@J~4gH2q4g(G;%lBNf~`^?ux~Wj0!1%(3G0}%<AtJ`lhysxlK9!mazw8@pC0Ki#)6^JK)S+s#uvbj"
    "WDE%2gh){qyC69-=`WoWyGsE-w({uPCPld1?>h+NOmg5tTCWLPENspnt0=IQ=#yk4evBeu9?>Knk0pmx0AbMhse&D?)Hf;b}-EX>A<_3<Y6J9EwV"
    "R9KKe}B0<E<GujVtcc*vZJ#R+CQCoth9$$~Qd5w@)+DP&D*?93xNaY!!vBt3yQLk!K49;tkIIr9eAvq0kWlukheH<dWgdD(f=ZmWrw=N{ryIi;VT"
    "3FWp_*%^?NsZ^&)e!`|LIQT=!bnv5K31O0T$&|<$FUv|<TT+_FLU@9oXW}@U3Stcaw5?cAcQ~_kom0t&kzg-njo|AxsztL6XSsRN^8T|Oe_2!9uu"
    "U;8V`b?mMdg~pYG1OqJZ`pQjvh~1v74)BTE<noN*Qhm<O>{8Ht<M^@5xx)q2eT!1riM6^{SM3imRTC#ab%fklTI|Zwtm<D!EK`9@vdl7E`U|Y_n;"
    "f>Ou`iJJ<|qhN>a^1R!|#RIh>j4r6_bL|6<U+YgzGt|>U}VR~-cO^P9Yt^wjJ=Ii4E-^={E;ilIm*=Q;%MN=dEnWOf5rS+eT5$)5-%=`kJ2)TYCn"
    "6E_tj1e<n@HK0Ghc|hGPX*q7+&6y!{`rkJSK%tIdLt`uf}L*h>GZ2d27?r4$d_tjW5y&wiW#i#quLqST%e1aGe61s5`L+x+dA`9EFMm{_cSw(wVN"
    "6O0l#&GR`AAvK5$_EcBawSn{xSqGl!^MGn~QF?_}m#XyMbOSW-z<su=1oxfF}8?+yP3bHeoZ12SZ05#Bx^q4428vlLD%3cMg2D#BwBx!-0k;;7H_"
    "yibgobZZ-8spu?9%zZ4`R;yzg+tJxu-i3cn{841KC2O@w<hRqKPR<{PGc%`ve2%M{H<_w=Eu=O7>T}1N8Qss2=ehKnIR2MXv)NQ&!r)(9T;a!}9h"
    "zS&LzJWcc&qCT{4w8yBfgJ`oyw%%e2UQ!y(#mnRG_o^i@}Z+iQQ(X;m1IRRoamLKCqj|yW;LvI=5=aSNgHiz29<f;$%ie-E0i{%$V04az!7WgeoB"
    "N<74&N!(avd3SY$JN6o!q`-a8Fa>E`3^BWe~QBW>4scQENHrzmv4}XHu1#W`{g>Qo9IkQh#;T|NY979NlB7RO|M{v$DrO27m;eCK5T$ADZsCgVOe"
    "O|@6Z};o+`tO~o>hfx(e>47)?tK0b&aca#ex$Zj=DW*v`63IZ<~r>Dw|mVie?Ije#g`5`"
)
