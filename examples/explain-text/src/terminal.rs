//! The report as text: in colours, or with numbers where colours would not be seen.

use example_common::scale::{Color, Scale, ink};

use crate::report::{Explained, Report, Scores, signed};
use crate::sentence::Sentence;

/// The report in lines. Colours are those of terminals with 16 million of them.
///
/// # Errors
/// Where a score is not finite.
pub fn text(report: &Report, colors: bool) -> Result<String, burn_xai::heatmap::HeatmapError> {
    let mut text = format!("similarity {:.4}\n", report.similarity);
    for method in &report.methods {
        text += &format!("\n{}\n", method.method);
        for (number, (sentence, scores)) in report.sentences.iter().zip(&method.sentences).enumerate() {
            let tokens = if colors { painted(sentence, scores, method)? } else { numbered(sentence, scores) };
            text += &format!("  {}: {tokens}\n", ["A", "B"][number]);
            let shares = scores.rest.iter().map(|share| format!(", {} {}", share.name, signed(share.amount)));
            text += &format!("     tokens {}{}\n", signed(scores.sum()), shares.collect::<String>());
        }
    }
    Ok(text)
}

/// The tokens on their colours.
fn painted(
    sentence: &Sentence,
    scores: &Scores,
    method: &Explained,
) -> Result<String, burn_xai::heatmap::HeatmapError> {
    let scale = Scale::new(method.limit())?;
    let paint = |[red, green, blue]: Color, layer: u8| format!("\x1b[{layer};2;{red};{green};{blue}m");
    let tokens = sentence.tokens.iter().zip(&scores.tokens).map(|(token, score)| {
        let (ground, space) = (scale.color(*score), if token.spaced { " " } else { "" });
        format!("{space}{}{}{}\x1b[0m", paint(ground, 48), paint(ink(ground), 38), printable(&token.text))
    });
    Ok(tokens.collect())
}

/// The tokens with their scores.
fn numbered(sentence: &Sentence, scores: &Scores) -> String {
    let tokens = sentence.tokens.iter().zip(&scores.tokens);
    let tokens = tokens.map(|(token, score)| format!("{} {}", printable(&token.text), signed(*score)));
    tokens.collect::<Vec<_>>().join("  ")
}

/// Text without what would steer the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}
