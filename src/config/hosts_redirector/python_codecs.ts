/** Python's names of text encodings, and the WHATWG labels of the same ones. */

/** Names as `normalised` writes them, by label. Of Python's codecs those that a standard decoder knows too. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "utf-8": ["utf_8", "utf8", "u8", "utf", "cp65001", "utf_8_sig"],
  "utf-16le": ["utf_16", "utf16", "u16", "utf_16_le", "utf_16le"],
  "utf-16be": ["utf_16_be", "utf_16be"],
  "windows-1252": ["ascii", "us_ascii", "us", "646", "iso646_us", "cp1252", "windows_1252", "1252"],
  "iso-8859-1": ["latin_1", "latin1", "latin", "l1", "8859", "iso8859", "iso8859_1", "iso_8859_1", "cp819"],
  "iso-8859-2": ["latin2", "l2"],
  "iso-8859-3": ["latin3", "l3"],
  "iso-8859-4": ["latin4", "l4"],
  "iso-8859-5": ["cyrillic"],
  "iso-8859-6": ["arabic"],
  "iso-8859-7": ["greek"],
  "iso-8859-8": ["hebrew"],
  "windows-1254": ["iso8859_9", "iso_8859_9", "latin5", "l5", "cp1254", "windows_1254", "1254"],
  "iso-8859-10": ["latin6", "l6"],
  "windows-874": ["iso8859_11", "iso_8859_11", "thai", "cp874", "tis_620", "tis620"],
  "iso-8859-13": ["latin7", "l7"],
  "iso-8859-14": ["latin8", "l8"],
  "iso-8859-15": ["latin9", "l9"],
  "iso-8859-16": ["latin10", "l10"],
  "koi8-r": ["koi8_r"],
  "koi8-u": ["koi8_u"],
  macintosh: ["mac_roman", "macroman", "macintosh"],
  "x-mac-cyrillic": ["mac_cyrillic", "maccyrillic"],
  ibm866: ["cp866", "866", "ibm866"],
  gbk: ["gbk", "cp936", "936", "ms936", "gb2312", "euc_cn"],
  gb18030: ["gb18030", "gb18030_2000"],
  big5: ["big5", "big5_tw", "big5hkscs", "big5_hkscs"],
  "euc-jp": ["euc_jp", "eucjp", "ujis"],
  "iso-2022-jp": ["iso2022_jp", "iso2022jp", "iso_2022_jp"],
  shift_jis: ["shift_jis", "shiftjis", "sjis", "s_jis", "cp932", "932", "ms932"],
  "euc-kr": ["euc_kr", "euckr", "korean", "cp949", "949", "uhc"],
};

/** Parts of these families have the same name in both worlds. */
const ISO_PARTS = [2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16];
const WINDOWS_PAGES = [1250, 1251, 1253, 1255, 1256, 1257, 1258];

const LABELS: ReadonlyMap<string, string> = new Map([
  ...Object.entries(NAMES).flatMap(([label, names]) => names.map((name) => [name, label] as const)),
  ...ISO_PARTS.flatMap((part) =>
    [`iso8859_${part}`, `iso_8859_${part}`].map((name) => [name, `iso-8859-${part}`] as const),
  ),
  ...WINDOWS_PAGES.flatMap((page) =>
    [`cp${page}`, `windows_${page}`, `${page}`].map((name) => [name, `windows-${page}`] as const),
  ),
]);

/**
 * The label for `TextDecoder` of a codec by one of Python's names for it (`latin-1`, `UTF8`, `cp1252`), or null. ASCII
 * becomes windows-1252, as it does for browsers: Python would refuse bytes beyond ASCII.
 */
export function whatwgLabel(codec: string): string | null {
  return LABELS.get(codec.toLowerCase().replaceAll(/[-\s_]+/g, "_")) ?? null;
}
