"""Further classes of code points, pinned to the Unicode version of ``text.unicode``, for rules that others have published.

They are what Python's regular expressions and string methods say of a character, and ``unicodedata`` of its category.
"""

import functools

import numpy as np
import numpy.typing as npt

from corpusmill.operators.text.unicode import decode_runs

WORD = 1  # \w: str.isalnum() or the underscore
PUNCTUATION = 2  # categories P*
OTHER_SYMBOL = 4  # category So: pictures, arrows, emoji
CAPITAL = 8  # str.isupper(): Lu and letters of category Nl or So that are capitals
NUMERAL = 16  # str.isdigit(): Nd, superscripts, circled digits


@functools.cache
def categories() -> npt.NDArray[np.uint8]:
    """One byte of class bits per code point, zero beyond U+10FFFF; shape (DECODABLE,)."""
    return decode_runs(RUNS)


RUNS = (
    "c-q}rO>A9P5uTYl_r81I|9$?=i(@}Kwv*U#?dH#EDZ)yWN>x!Qn?`1Vgj$gJkw9w2hD|9I*|ZD9u8Xn&u|t#vMA=2Chy`?kgeurng#|1?tPrZihVPqu-?"
    "M2#L}_pYi{pFm`I$3k&dfL8Jj=2rqL!g~*))^HtQfK{QBfTl{-T{kbLX47Dxc=@E?Szf2Y<^L(ZsZv6D=A#kCD7U?-4fpkmDb&+2lQ$yz`l0U!S~JV|K?"
    "nJ2ZdXpWxZ3$Lv0x??6s+q<1rJjr#nR4t~e@^Wxf;uBOsZdZEhKC#p-liK)ZQRI&mtS0wC}%5){3g`SKfCSkr0qFNf#$HuqfyzbnOLnBZcM`~nyKml+B4"
    "Y#w7`v++08NiOY$#xA>R<}Zr!-X89(*!2toL0<9bW>&kbWTswXN~f5+)kzzkcR%Usfkm5m%CurqMXouY2m$#v1Lf-a)gegI*S$DPlewN>tX&eNx7G{Fir"
    "@}q|^<0R4>Jx0q1EGdSWMR(1(N^J7IrFLvVz{C+ab~kJbrY69GWStjr@QjB+w+d}yUj+7cvCQlrFPnuLA2T7)G1r}^nbuO7ac24E9>weHaCVD{pHPR_Ab"
    "SSrI9rBnAv3$Z4NmY}s|7JV~e;VjZe6MIw|A!Wc8ls&|^MU00wuqt-&unOJ|&u>ojS*lOX`Fxg>lb#7#{fI%2o@Q8*xRc?A23XHqDx|`dhAcq_96;K-6S"
    "CUq%S|Iau1(IBqRrRu)t*JHPou90tGkS_Z(=>BPRFS{!_Lid>SQy=Jf3M)=B--)u;V-IW0tzduA4Hg)F6u+uY7}cZSW4X109))p|=~NgJ=jOgS1T?{w<3"
    "uvD&q&_cQf#`7UF0;z#QDt8nI`Ea1$E_Pq(feTFW`Fw;K=CD1a60`K@qL`4fa4dAm=q!O^n0AAOLyXff!88L21FQ`BC&0xFC5GnD#kF_bpuf%w&kHbHfW"
    "Z8N1jLXHaPfO3@%tOgaDCH~gga)*^D4UeQW(}f)T-R;*LC$@w0o4mHppipLC!+kU%p#CiWzM)eJQRJakW>JxHwD?l@<5H5h@`CcW$JZXW$%9-Mvt%+{}*"
    "S->Geg%aK(Fm_`9YblNO^)9~bE~M4B4ZlgW1y(S>)yf04qe4#uWz9)L3qa6sT#Tgoz^smvG#gn<YxMOZzHa98(&Y^Y+H34xB^&?9xwqxh<td&Rdh=gvlm"
    "z+wWCah3LqzD}VJ;|LZ6qPv8oXg~;Giga6n*OI(qo@355IuU{XNpvpCF+VMtU&FHnqz7<}n-AMVAL1xYe4$wIo0J0B^-D;>U&ix2<lGpmo1X>vAd^{B`u"
    "?KHH`He3V?fLidS5c%kr`-{`6(zc!urn_J2hQP-bZtMLVfZF#Ch*~ox{7W2~m(-n95m)>3R*Gg#XKA(8k0*2PkgTY5eYO*|srvgnZMM6(7Q$`_lHek&nF"
    "%;fb@fYjT*@1j-@@!f{dy_t0m6-^|aSqAy|lP4s;_T+6+wBVR?1>ceSp|Guc;T-x&y-cR9q+w}H%-_uurfW!DMRDB2sdDW0C`ayc8|C^SKWKSygpGqKIc"
    "^Vlp0}UzUUIaUNfF9GlM{!^it?dJAn%3=JbLtvT>hh{;6aSr$-P$!_^B{L1J`zY3Xp`v$gnd)b$&f?<E3zOGK}q2u3&2amDo`jr0iWNNF0nJP5*{0*tci"
    "JP5W>0GCl9g++|oI(=+wCyr7dWN)tW*(NN5p?u&zziuiHUH(b>Du@_7=)keliEu4D2X4)L(Od`164p<j@7OmAx%;aTy<PR%9t5PScUEbE_8Ab4N*u<Vk6"
    "{(?%vLLiZSz~QW&6c#9qZI8l+#D-#Su;X9+q+^GF(owLaeH`}SI6NLVO30L9_>NO&UJJkge6G^1hrX_?=+}q|*mMi?3w^{(Y==F(6YIBq3vi9QNO1gqlw"
    "+%~*CGzSE+lfiyH(~s!ia1Xr}eACo6U;VnCp5PMaTsbu%d-r*5fZqEb*hT(%`67Npe+hl4s6FEioTFZ6o;nwKx;ce0IX!=p@{F$qAG>X6@7`OF@N+U&E;"
    "0_5hu($ZT+>UbrM(=7cm$nz>=%h`NN?BU}ryYylUZS_68Z%7bNRvGO=%4l&oGf_Pe=klo@uxaWDS-H<j8`+X~mD6TfRbrd{L#kprea@|stO9Nb|!)+E&0"
    "L($qMd@K1kEB|a9Tp|x7A$2^PIOU#vgj*d#a@)U8gp``&+v_fO;;(GzC$WZlT@^P8aof7h;74#t{kchDx0%7%t)-U!@UZ`LF|*t>k5?zJWTjv<%0?8#~m"
    "EVs`{IjP{<tE9QIkoP#NWQE699DrVwA9$YZ4Umta_ykQOPaA-8zHJq$iqjC91x4jbon1)0}M&EpoUaK^Hz&K{3Br&t+=77NO1^mP2><Y4|qRKO1*+z2!&"
    "6nH{zSd@utC@a`SM2Rv7{`{56`PWe}R0UvG7Y%fiZe5E1#IS@l-A#>xdj`dxdnp|#@mfPZryxSc8s|-wUry_1FtejS%;i^0`g50CSM`?D^<<1}pNO{%8Z"
    "?;2V7ms3#>l%$4eOhkfiq6Y8!2qGi;MrPJ{cHv1^Ba9-@}5ww+%0OyO0eW^N-i!&c~<vuE`ee4YUnYUP<KTfqoGZ5bdm&_<M#|zrDP%<}b)&{x@tM#OyI"
    "Zc_OpGk_OnJ`$s|At^`KBMsI8Tb(s2?+|XjELo{wUi1+wKkBLbvo=^w0+G~g8yjIL3)diU@@(Lm*JxEJI$dkHvc-OXomB+&2L45!1w~COT^A}xqk*Ur_$"
    "=<C>cKK_L3;JDxm~28#qMFCg54Y(k16Hr-`a_jHd;+VgKcmM2k%|>mz~P70CCj%m{fLjV<HvQ2<Vk*7Ek0fg&>HKSwb07jGfFu~xiyX*p8x(f9vff2ACg"
    "DeWnHSI@&2ZPq`N<ddqiSD(`ak(ycWRdBq)DYw^h09Cy-P)A1(uj=z0bx@V|o>_-~LCy$`=&{&)f6_A#Z+e>zAno|jQ1z|m1%<nSYwAy4_Q4HHpkp;k$v"
    "0f4bbg3<%E4;+vSax7r~w^?rN${K9?&0ODo%K+WCMzHfcJnl<d2+<!sD&Lvc*Ij<!(qF90kAJ)S5A{C3Wd"
)
