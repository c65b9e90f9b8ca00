package ocpi

import "strings"

// countries are the codes of ISO 3166-1, alpha-2 and alpha-3 in one, and those of
// Kosovo, which its partners use. Each stands between spaces.
const countries = " " +
	"ADAND AEARE AFAFG AGATG AIAIA ALALB AMARM AOAGO AQATA ARARG ASASM ATAUT AUAUS AWABW AXALA AZAZE BABIH BBBRB BDBGD " +
	"BEBEL BFBFA BGBGR BHBHR BIBDI BJBEN BLBLM BMBMU BNBRN BOBOL BQBES BRBRA BSBHS BTBTN BVBVT BWBWA BYBLR BZBLZ CACAN " +
	"CCCCK CDCOD CFCAF CGCOG CHCHE CICIV CKCOK CLCHL CMCMR CNCHN COCOL CRCRI CUCUB CVCPV CWCUW CXCXR CYCYP CZCZE DEDEU " +
	"DJDJI DKDNK DMDMA DODOM DZDZA ECECU EEEST EGEGY EHESH ERERI ESESP ETETH FIFIN FJFJI FKFLK FMFSM FOFRO FRFRA GAGAB " +
	"GBGBR GDGRD GEGEO GFGUF GGGGY GHGHA GIGIB GLGRL GMGMB GNGIN GPGLP GQGNQ GRGRC GSSGS GTGTM GUGUM GWGNB GYGUY HKHKG " +
	"HMHMD HNHND HRHRV HTHTI HUHUN IDIDN IEIRL ILISR IMIMN ININD IOIOT IQIRQ IRIRN ISISL ITITA JEJEY JMJAM JOJOR JPJPN " +
	"KEKEN KGKGZ KHKHM KIKIR KMCOM KNKNA KPPRK KRKOR KWKWT KYCYM KZKAZ LALAO LBLBN LCLCA LILIE LKLKA LRLBR LSLSO LTLTU " +
	"LULUX LVLVA LYLBY MAMAR MCMCO MDMDA MEMNE MFMAF MGMDG MHMHL MKMKD MLMLI MMMMR MNMNG MOMAC MPMNP MQMTQ MRMRT MSMSR " +
	"MTMLT MUMUS MVMDV MWMWI MXMEX MYMYS MZMOZ NANAM NCNCL NENER NFNFK NGNGA NINIC NLNLD NONOR NPNPL NRNRU NUNIU NZNZL " +
	"OMOMN PAPAN PEPER PFPYF PGPNG PHPHL PKPAK PLPOL PMSPM PNPCN PRPRI PSPSE PTPRT PWPLW PYPRY QAQAT REREU ROROU RSSRB " +
	"RURUS RWRWA SASAU SBSLB SCSYC SDSDN SESWE SGSGP SHSHN SISVN SJSJM SKSVK SLSLE SMSMR SNSEN SOSOM SRSUR SSSSD STSTP " +
	"SVSLV SXSXM SYSYR SZSWZ TCTCA TDTCD TFATF TGTGO THTHA TJTJK TKTKL TLTLS TMTKM TNTUN TOTON TRTUR TTTTO TVTUV TWTWN " +
	"TZTZA UAUKR UGUGA UMUMI USUSA UYURY UZUZB VAVAT VCVCT VEVEN VGVGB VIVIR VNVNM VUVUT WFWLF WSWSM YEYEM YTMYT ZAZAF " +
	"ZMZMB ZWZWE " +
	"XKXKX "

// IsCountry reports whether a code, folded, is a country's (ISO 3166-1 alpha-2), as
// country_code has it.
func IsCountry(alpha2 string) bool {
	return len(alpha2) == 2 && strings.Contains(countries, " "+alpha2)
}

// CountryAlpha3 returns the alpha-3 code of a country, as addresses have it, for
// its alpha-2 code in any case; ok is false where it is none.
func CountryAlpha3(alpha2 string) (alpha3 string, ok bool) {
	alpha2 = Fold(alpha2)
	if !IsCountry(alpha2) {
		return "", false
	}
	at := strings.Index(countries, " "+alpha2) + len(" NL")
	return countries[at : at+len("NLD")], true
}

// CountryOf returns the alpha-3 code of the country that an address names, by its
// alpha-3 code or, which OCPI does not have there, its alpha-2 code, in any case; ""
// where it names none.
func CountryOf(code string) string {
	if len(code) == len("NLD") {
		if code = Fold(code); strings.Contains(countries, code+" ") {
			return code
		}
		return ""
	}
	alpha3, _ := CountryAlpha3(code)
	return alpha3
}
