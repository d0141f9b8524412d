# SPDX-License-Identifier: Apache-2.0
"""What is asked of the readers of texts: reviews, words of senta, LAC, BERT."""

import numpy as np

TEXTS = (
    *("The movie, was<br />GREAT. (the end)|1", "a|b|0", "nolabel", "x|y", "|1", ""),
    *("the movie!?;|  1 \n", "the\tmovie\xa0the|1", "the<BR />the|0", "the, , movie|0"),
    *("\tthe|1", "the\t|1", "\nthe\n", "\u3000the\u3000", "<br />\tthe|1", "the\t<br />|0"),
)
BERT_TEXTS = (
    *("我爱北京", "我爱 hello, world!", "unaffable 12 É", "", "我" * 30, "hel-lo", "[CLS] [MASK]"),
    *("HELLO hellol xyz\u0000\ufffd\u200b1", "a\tb\nc", "1" * 120, "1" * 100, "É é $1 `x` 、我。"),
    *("ǅ İ ﬁ ß", "x\u0301y\u3000z\x85w\u2028v", "\U00020000a\uac00", "e\ufeff\u00ad1"),
)


def texts(folder):
    vocabulary = folder / "imdb.vocab"
    vocabulary.write_text("the\nmovie\n.\n,\n(\n was great \nGood\n\nthe\n")
    for text in TEXTS:
        for name in ("get_words_and_label", "get_words_only"):

            def imdb(r, text=text, name=name):
                dataset = r.IMDBDataset()
                dataset.load_resource(str(vocabulary))
                return getattr(dataset, name)(text)

            yield f"IMDBDataset.{name} {text!r}", imdb
    senta = folder / "senta.txt"
    senta.write_text("the\t5\nmovie\t7\n")
    for words in (["the", "x", "movie"], [], ["<unk>"] * 25):
        yield f"SentaReader {len(words)}", lambda r, w=words: r.SentaReader(str(senta)).process(w)
    for name, lines in (
        ("word", "0\tOOV\n1\t我\n2\t爱\n3\t北\n4\t京\n5\tA\n"),
        ("tag", "0\tr-B\n1\tr-I\n2\tv-B\n3\tns-B\n4\tns-I\n5\tO\n"),
        ("q2b", "Ａ\tA\n　\t \n"),
    ):
        (folder / f"{name}.dic").write_text(lines, encoding="utf-8")
    for text in ("我爱北京", "我Ａ x", " 我 爱 ", ""):
        yield f"LACReader {text!r}", lambda r, t=text: r.LACReader(str(folder)).process(t)
    yield (
        "LACReader sizes",
        lambda r: [getattr(r.LACReader(str(folder)), n) for n in ("vocab_size", "num_labels")],
    )
    for tags in ((0, 2, 3, 4), (0, 1, 4, 4), (1, 1, 1, 1), (0, 0), (2, 1, 5), (5, 0, 1)):
        array = np.array(tags).reshape(-1, 1)
        name = f"LACReader.parse_result {tags}"
        yield name, lambda r, a=array: r.LACReader(str(folder)).parse_result("我爱北京", a)
    pieces = (
        "[PAD] [CLS] [SEP] [UNK] [MASK] 我 爱 北 京 hello ##lo hel ##l ##o e , ! world un ##aff"
    )
    pieces = f"{pieces} ##able h 1 ##2 - ` $ 。 、 x y z ss fi i w v ##1".split()
    (folder / "bert.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    for text in BERT_TEXTS:
        for most in (20, 5):

            def bert(r, text=text, most=most):
                args = {"vocab_file": str(folder / "bert.txt"), "max_seq_len": most}
                return r.ChineseBertReader(args).process(text)

            yield f"ChineseBertReader {most} {text[:20]!a} {len(text)}", bert
