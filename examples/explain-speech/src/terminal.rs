//! The report as text.

use std::fmt::Write;

use crate::report::{Report, seconds, signed};

/// Probabilities as signs, in eighths.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Chunks in a line, which are 2 seconds.
const LINE: usize = 63;

/// The report in lines: probabilities as a curve, and a table of the window.
pub fn text(report: &Report) -> String {
    let mut text = String::from("probability of speech, 32 ms a sign\n");
    for (line, probabilities) in report.probabilities.chunks(LINE).enumerate() {
        let level = |probability: &f64| LEVELS[((probability * 8.0) as usize).min(7)];
        let curve: String = probabilities.iter().map(level).collect();
        let _ = writeln!(text, "{:7.2} s  {curve}", seconds(line * LINE));
    }
    let runs = report.speech();
    let runs = runs.iter().map(|run| format!("{:.2} to {:.2} s", seconds(run.start), seconds(run.end)));
    let runs: Vec<_> = runs.collect();
    let runs = if runs.is_empty() { "nowhere".to_owned() } else { runs.join(", ") };
    let _ = writeln!(
        text,
        "above one half: {runs}\n\nat {:.3} s: probability {:.4}, logit {:.4}, which is explained here",
        seconds(report.explained),
        report.probability(),
        report.logit
    );

    let names: String = report.methods.iter().map(|method| format!("  {:>20}", method.name)).collect();
    let _ = writeln!(text, "{:>10}  {:>11}{names}", "from", "probability");
    for (place, chunk) in report.window.clone().enumerate() {
        let scores = report.methods.iter().filter_map(|method| method.chunks.get(place));
        let scores: String = scores.map(|score| format!("  {:>20}", signed(*score))).collect();
        let _ = writeln!(text, "{:8.3} s  {:11.4}{scores}", seconds(chunk), report.probabilities[chunk]);
    }
    for method in &report.methods {
        let shares =
            method.rest.iter().map(|share| format!("\n  {:<26} {}", share.name, signed(share.amount)));
        let (sum, shares) = (signed(method.sum()), shares.collect::<String>());
        let _ = writeln!(
            text,
            "\n{}, {:.0} ms\n  {:<26} {sum}{shares}",
            method.name,
            method.seconds * 1e3,
            "the window"
        );
        if method.adds_up {
            let _ = writeln!(text, "  {:<26} {}", "in all, the logit", signed(method.whole()));
        }
    }
    text
}
