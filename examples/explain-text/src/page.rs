//! The report as one HTML file that needs no other.

use burn_xai::heatmap::HeatmapError;
use example_common::scale::{Scale, escape, hex, ink};

use crate::report::{Explained, Report, Scores, signed};
use crate::sentence::{Sentence, Token};

const STYLE: &str = "
body { font: 17px/1.6 system-ui, sans-serif; color: #222; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; line-height: 1.2 }
h2 { font-size: 1.15rem; margin: 0 }
section { border-top: 1px solid #ddd; margin-top: 1.5rem; padding-top: 1rem }
.similarity { font-size: 1.3rem }
.sentence { margin: .8rem 0 .2rem; line-height: 2.1 }
.token { border-radius: .2rem; padding: .2rem .05rem }
.special { font-size: .75rem }
.rest, .about, footer { color: #555; font-size: .9rem; margin: .2rem 0 }
.legend { display: flex; align-items: center; gap: .6rem; font-size: .85rem; color: #555; margin: .6rem 0 }
.bar { flex: 1; max-width: 16rem; height: .8rem; border-radius: .25rem }
.tables { display: flex; flex-wrap: wrap; gap: 2rem; align-items: flex-start }
table { border-collapse: collapse; font-size: .85rem; line-height: 1.4 }
th, td { text-align: left; padding: .1rem .8rem .1rem 0 }
td:last-child, th:last-child { text-align: right; font-variant-numeric: tabular-nums }
summary { cursor: pointer; font-size: .9rem }
";

/// The report as a page.
///
/// # Errors
/// Where a score is not finite.
pub fn page(report: &Report) -> Result<String, HeatmapError> {
    let methods: String =
        report.methods.iter().map(|method| section(report, method)).collect::<Result<_, _>>()?;
    let [a, b] = report.sentences.each_ref().map(|sentence| escape(&sentence.text));
    Ok(format!(
        "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Why are these sentences similar?</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Why are these two sentences similar?</h1>
<p>A: {a}<br>B: {b}</p>
<p class=\"similarity\">Their similarity is <strong>{similarity:.3}</strong>.</p>
<p>It is the cosine of the angle between their embeddings: 1 for the same meaning, about 0 for sentences that
have nothing to do with each other. A red token raises it, a blue one lowers it. The scores of A hold while B
stays as it is, and those of B while A does. Point at a token to read its score.</p>
{methods}<footer>{network}, explained by burn-xai on the backend {backend}. [CLS] and [SEP] are put around every
sentence; they are tokens like others.</footer>
</body>
</html>
",
        similarity = report.similarity,
        network = escape(report.network),
        backend = escape(&report.backend),
    ))
}

/// The block of one method.
fn section(report: &Report, method: &Explained) -> Result<String, HeatmapError> {
    let scale = Scale::new(method.limit())?;
    let both = || report.sentences.iter().zip(&method.sentences).zip(["A", "B"]);
    let lines: String = both()
        .map(|((sentence, scores), name)| line(sentence, scores, name, scale, report.similarity))
        .collect();
    let tables: String = both().map(|((sentence, scores), name)| table(sentence, scores, name)).collect();
    Ok(format!(
        "<section>
<h2>{}</h2>
<p class=\"about\">{}</p>
{}{lines}<details>
<summary>Scores as numbers</summary>
<div class=\"tables\">
{tables}</div>
</details>
</section>
",
        escape(method.method),
        escape(method.about),
        scale.legend(signed),
    ))
}

/// A sentence in colours, and what its tokens did not get.
fn line(sentence: &Sentence, scores: &Scores, name: &str, scale: Scale, similarity: f64) -> String {
    let tokens: String =
        sentence.tokens.iter().zip(&scores.tokens).map(|(t, s)| token(t, *s, scale)).collect();
    let rest = match scores.rest.as_slice() {
        [] => String::new(),
        rest => {
            let shares: Vec<String> =
                rest.iter().map(|share| format!("{} {}", escape(share.name), signed(share.amount))).collect();
            let (sum, shares) = (signed(scores.sum()), shares.join(", "));
            format!("<p class=\"rest\">The tokens have {sum} of {similarity:.4}. The rest: {shares}.</p>\n")
        }
    };
    format!("<p class=\"sentence\">{name}: {tokens}</p>\n{rest}")
}

/// A token on its colour.
fn token(token: &Token, score: f64, scale: Scale) -> String {
    let ground = scale.color(score);
    format!(
        "{space}<span class=\"token{special}\" style=\"background:{ground};color:{ink}\" \
         title=\"{piece}: {score}\">{text}</span>",
        space = if token.spaced { " " } else { "" },
        special = if token.special { " special" } else { "" },
        ground = hex(ground),
        ink = hex(ink(ground)),
        piece = escape(&token.piece),
        score = signed(score),
        text = escape(&token.text),
    )
}

/// The scores of a sentence in rows.
fn table(sentence: &Sentence, scores: &Scores, name: &str) -> String {
    let rows = sentence.tokens.iter().zip(&scores.tokens).map(|(token, score)| {
        format!("<tr><td>{}</td><td>{}</td></tr>\n", escape(&token.piece), signed(*score))
    });
    let rows: String = rows.collect();
    format!("<table>\n<tr><th>token of {name}</th><th>score</th></tr>\n{rows}</table>\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::Share;

    fn report(text: &str) -> Report {
        let token = |text: &str, spaced, special| Token {
            id: 0,
            piece: text.to_lowercase(),
            text: text.to_owned(),
            spaced,
            special,
        };
        let tokens = vec![token("[CLS]", false, true), token(text, true, false), token("ing", false, false)];
        let sentence = Sentence { text: format!("{text}ing"), tokens };
        let scores =
            Scores { tokens: vec![0.0, 0.5, -0.25], rest: vec![Share { name: "biases", amount: 0.5 }] };
        Report {
            backend: "a & b".to_owned(),
            network: "net",
            similarity: 0.75,
            sentences: [sentence.clone(), sentence],
            methods: vec![Explained {
                method: "LRP",
                about: "About it.",
                sentences: [scores.clone(), scores],
            }],
        }
    }

    #[test]
    fn text_of_the_user_is_escaped() {
        let attack = "<script>alert('x')</script>&\" onmouseover=\"";
        let page = page(&report(attack)).unwrap();
        assert!(
            !page.contains("<script") && !page.contains("\" onmouseover") && !page.contains("'x'"),
            "{page}"
        );
        let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot; onmouseover=&quot;";
        // As sentences A and B, and of each as text, when pointed at, and in the table.
        assert_eq!(page.matches(escaped).count(), 8);
        assert!(page.contains("a &amp; b"));
    }

    #[test]
    fn parts_of_words_are_joined() {
        let page = page(&report("Read")).unwrap();
        assert!(page.contains("</span> <span class=\"token\""), "{page}");
        assert!(page.contains(">Read</span><span class=\"token\""), "{page}");
        assert!(page.contains("title=\"read: +0.5000\""), "{page}");
        assert!(page.contains("The tokens have +0.2500 of 0.7500. The rest: biases +0.5000."), "{page}");
    }

    #[test]
    fn scores_that_are_no_numbers_are_errors() {
        let mut report = report("Read");
        report.methods[0].sentences[0].tokens[0] = f64::INFINITY;
        assert!(page(&report).is_err());
    }
}
