"""Classes of code points, pinned to Unicode 14.0.

A Python upgrade must not change what a published signal counts, so the classes are data of this module and not taken
from ``unicodedata`` at run time. ``RUNS`` is the run-length form that ``encode`` makes of one class byte per code
point; its test compares it with ``unicodedata`` where Python carries the same version (3.11), and with assigned code
points elsewhere.
"""

import base64
import functools
import zlib

import numpy as np
import numpy.typing as npt

UNICODE_VERSION = "14.0.0"

LETTER = 1  # categories L*: str.isalpha()
DIGIT = 2  # category Nd: str.isdecimal()
SYMBOL = 4  # categories P* and S*: punctuation and symbols
SPACE = 8  # str.isspace(): where str.split() splits
UPPER = 16  # category Lu

CODE_POINTS = 0x110000
DECODABLE = 1 << 21  # what four bytes can spell: malformed text still indexes inside the table


@functools.cache
def classes() -> npt.NDArray[np.uint8]:
    """One byte of class bits per code point, zero beyond U+10FFFF; shape (DECODABLE,)."""
    return decode(RUNS)


def decode(runs: str) -> npt.NDArray[np.uint8]:
    """The table that ``encode`` made ``runs`` of, with zeros up to DECODABLE; read-only."""
    packed = zlib.decompress(base64.b85decode(runs))
    values, lengths, at = [], [], 0
    while at < len(packed):
        values.append(packed[at])
        length, shift, at = 0, 0, at + 1
        while packed[at] & 0x80:
            length |= (packed[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
        lengths.append(length | packed[at] << shift)
        at += 1
    table = np.zeros(DECODABLE, np.uint8)
    table[:CODE_POINTS] = np.repeat(np.array(values, np.uint8), lengths)
    table.flags.writeable = False
    return table


def encode(table: npt.NDArray[np.uint8]) -> str:
    """The text of ``RUNS`` for a table of class bytes: (class, length as a little-endian base-128 number) per run."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(table)) + 1])
    packed = bytearray()
    for start, stop in zip(starts, [*starts[1:], len(table)], strict=True):
        packed.append(table[start])
        length = int(stop - start)
        while length >= 0x80:
            packed.append(length & 0x7F | 0x80)
            length >>= 7
        packed.append(length)
    return base64.b85encode(zlib.compress(bytes(packed), 9)).decode()


RUNS = (
    "c-q}qJ&ase6+Y*_^L}S%X5Z}3jK}uw?0R<-du^{{J6<OQvDk{GD3T+ZSV<8HB^3M=krL4$Bm@y@2n_{NiXa3+qCkWKB2&5GryvxOkVTrv&`^M=P("
    "+#UJNNGF;#d|TW-TbrygT>Zd(OG%o}ceLsjFOiRc`&zSlN!P(6N~mmCCqMt5q$CVkVekoC$wbGShYlDs_bUs>SR9QuvtfKOTkYIGc|7%pljM<M=L"
    "oXkXa3es?~@vrO;8Jv!eWpX@;IW|zuz{-}d}=>1D(I%7S}t)xeRT6u9-ck@*e;CL8`8Mt5s@58@ny%x_}kNGJxx8O(7E^pnBll?<`PS4znb0ad!1"
    "GRIwPcd)+g!|oq2PiVqapa(Y+;bZCrHw<PS`UlCM}oB0NXOr1x+x3DWv0km`aC^LD!eH)_#VuMMl&Pl9{FR{k{s1%q=Rt}?^eJ!U_Y~5&_&^>=08"
    "wreXKtuIb~@_a?gK-w0c4w)eF96z;)U{8YJQEEI3q<1o_~G$Y2h|O7qpTpswqhi9tGcN#WX&OF@12?F&;{#(wfC10-QD*Y~t`KKd`~^Ql&S{D%xk"
    "K+NI1w`;YxdTCE1w_xjbD)5fnsd;ee+><$Fpcz@j9IOw^RnmZe)MhBO0{M>dKX_!jCa@=M>h@qA*|)x#>av_p%=LV>(^DRIUbAj1!%P)5mfG(m*8"
    "%pAu&$PvO-fnDTU@Qo=o#k)pTR8r!>zJDJyi}GrE!#6JBQroYPY$`1d@li=K}wm<eQODFa0!YGP1buAy@>y4C+G8rpzm47JkFg6KKbhC(thR0~gm"
    "dAPSiEkg>pL6Z-x>_!WfYNO62TJy-7VjxPI18efL%)-u#t1WeIBjhVtr``;i*+e%UWd7Dof@3VqF19;~gBLNl|z{9$3`@Wu+31UrSoIuk>Lp0!7A"
    "d*U)H|VOXkn0tA!m_M5YGCXwxjj015+@x?;ip{1otMzyVc8@PlGlYouIUzTyrK+Lh#FE19J(IGCn42f<DpS9d=PVM;8G(CZwl%HY|gB(;IUF9Z>3"
    "H*RCfN?6XXF>{eN+WioV_!3{8xy{r?lNn3BI`d3cykL--Qmucw{(Kl6CP*o#ip=9a}ooZcf!D};oNsvtR_^i~zqXk|Hm8)GWzA|zJiQx0zov<oA%"
    "2u>^m*P@N%NQ^haDVB)P1|yI$bN%F;m(3iK&Ayw<A;ijO>?&g9eUl}-RU*(QQ1<ifnS^$-+faf{kwbN#P~$!C6llJLC$eN7URcnLl%1GWFN$MOWV"
    "Io(T$!rjooU6ku=cd9+8BJEkr}&*vSu@4l}6BEholcn=AKA{w@gnnkt<8wv%D&Z-Nfv3R0MAto!A;u{;Vw{T`f6W>Eo&zdjQWHL2sP19ewR5OrYC"
    "P@HBY62F5x|ydd-cP5XJZbPVtxa$rzgft3mzYpAu|4VPy3(NmhcVCpc{I(%eJ^F()Ble#0xBkqkf_1lq4n@O0*93Rn(8}{jXo+CXA7eqzG+QO@{V"
    ">x)o5m-H7JyGgWc=?v}j1@d#3&%4J*5!_-hAyFU3`GPyw1`X2Cd3-Na)+ej$Wb&?9Mj$mlWC&87$RQj(aH5CcWZNm@WX3ZKE&ih^2#OsJK26gHn3"
    "p^?DGh^OdV?EQ<xd)O8^10`qy9s-NCjCjvy!KBuxlu7VQ{<YR(au`Q}&IKJNdx(E&io_9;u{GlR0AE*lLuHG&(kC(7(&t|zPd6=9A)5B&59wD8C_"
    "W^k1)J0;(sg)<y!ODDi5^KQukd4`CGH?qb)fQ#D)^~=KBDq7Bw9t3thPpr~*P<{Z|+LC>)_ZaE`F5>gc`WAuMqJ!&^Lz)u~a3A-R&{8L-Foze<v{"
    "vCF2`!i9)9FkNI1nU{y^+~L0%Uu%<1K<EM>`6a0+7NpxbqyN@^GjQ>{PSW0YIZ3b2#h(*I@FzJ|WxfIs7Lfqv43Z2~aSzi1@F9O~Vq1jeQirMQlX"
    "z!qqRxVJJI;a@z;{Q9}B`d!thj8NWgG(0Q@nslmMOJ)ZiSN{@L?kGQ_ag6MgR7%>%Y_{hLJH)f(s``~f3ZsQ#ykS4g_tuGq5j9lJOs5*e4+#3f6{"
    "jk~+#LsJpO($6WNWpV}yl1k8SFOiW$I)$9=1>H>UU!IhFQAuQNO4!nb>1VYh`i8Fbb{#xS4vY`5xhO=r$D49vL(6VYaWOV5$2B&XTY`C>=~eN?M>"
    "fl1PW6`4&hJ8tHHaYbwU$NHIC#1Jod%u$u}T8_B=(x&<YRlrQY)w0Up2>{4I)Hv!e(i)z?e8Nq!yumCD=m`dKXK>Q5_qXIX!1a{aPiH}}ZhMD&!8"
    "3J7LEH!xOdwYT<-U-$y@!koOB(;UG2CZE$MJyl#nn%GGuKcfHKf-~H#<pfUkm&g5jcaQOdAg6FeKv7uotxR4S=oi5O0nC2E`}O!$;mvh>Sst_Z)e"
    "CU2$2{y88A2$|W}lP=yW~FoOSNnAV{OMe22s$!$Nr59&=UOo2{iyGE%_YRb$lJv!n@E`G2W*$s2C1Jvot%tBOSrcLpV37__s&yFyX9y&14&9JnL;"
    "~&$Hh@DqP5)G6Y-$C7GZiuDn5i7_eW%6cfg+nBZ-iA60*?@`-j8J)b*Uyi|F+h@Xn(tDtw{hQn!-rgYULM$wfE?%u0`DHZKse>?5I+r4Vr$B(>Q+"
    ";Nr)NsHti<lDh;6ng=w0GXX1bez`VR^L~-=pM`kH9Jz&%R*jP`(ufd&*Csl_%CBCx?F-jhiZIYM15miBa_2R_!Z}>{UKl>x(Eb9=7h`%_8D7cux)"
    "%pg$<nl4!;|0%Q|fL%}Q^f%b)1=3GDeEkN5Rch`66UD&HIF8zz75=<hb<=kIQR02^S*Z~"
)
