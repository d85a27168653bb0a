//! The report as one HTML file that needs no other.

use burn_xai::heatmap::HeatmapError;
use example_common::scale::{Scale, escape};

use crate::panels;
use crate::report::{Explained, Report, seconds, signed};

const STYLE: &str = "
body { font: 17px/1.6 system-ui, sans-serif; color: #222; max-width: 58rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; line-height: 1.2 }
h2 { font-size: 1.15rem; margin: 0 }
section { border-top: 1px solid #ddd; margin-top: 1.5rem; padding-top: 1rem }
svg { width: 100%; display: block; shape-rendering: crispEdges }
.times { display: flex; justify-content: space-between; font-size: .85rem; color: #555 }
.about, footer { color: #555; font-size: .9rem; margin: .2rem 0 }
.legend { display: flex; align-items: center; gap: .6rem; font-size: .85rem; color: #555; margin: .6rem 0 }
.bar { flex: 1; max-width: 16rem; height: .8rem; border-radius: .25rem }
table { border-collapse: collapse; font-size: .85rem; line-height: 1.4; margin: .6rem 0 }
th, td { text-align: right; padding: .1rem 1.2rem .1rem 0; font-variant-numeric: tabular-nums }
th:first-child, td:first-child { text-align: left }
.all td { border-top: 1px solid #ddd }
";

/// The report as a page.
///
/// # Errors
/// Where a score is not finite.
pub fn page(report: &Report) -> Result<String, HeatmapError> {
    let methods: String =
        report.methods.iter().map(|method| section(report, method)).collect::<Result<_, _>>()?;
    Ok(format!(
        "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>When was speech heard?</title>
<style>{STYLE}</style>
</head>
<body>
<h1>When was the speech heard?</h1>
<p>In {name}, in the 32 ms from <strong>{at:.3} s</strong> on, the probability of speech is
<strong>{probability:.4}</strong>. What is explained is its logit, <strong>{logit:.3}</strong>, of which the
probability is the sigmoid: above 0 it says speech. The network remembers what it heard before; red parts of the
recording raised the logit, blue ones lowered it.</p>
{recording}{overview_times}<p class=\"about\">Grey: the recording. Green: the probability of speech, from 0 at the
bottom to 1 at the top. Yellow: the {chunks} chunks of 32 ms that the logit is explained by; what was heard before
them reaches it as a state only.</p>
{methods}<section>
<h2>All chunks of the window</h2>
{table}</section>
<footer>{network}, explained by burn-xai on the backend {backend}.</footer>
</body>
</html>
",
        name = escape(&report.recording),
        at = seconds(report.explained),
        probability = report.probability(),
        logit = report.logit,
        recording = panels::recording(report).svg(),
        overview_times = times(0.0, seconds(report.probabilities.len())),
        chunks = report.window.len(),
        table = table(report),
        network = escape(report.network),
        backend = escape(&report.backend),
    ))
}

/// The block of one method.
fn section(report: &Report, method: &Explained) -> Result<String, HeatmapError> {
    let window = &report.window;
    Ok(format!(
        "<section>
<h2>{}</h2>
<p class=\"about\">{}</p>
{}{}{}{}</section>
",
        escape(method.name),
        escape(method.about),
        Scale::new(method.limit())?.legend(signed),
        panels::window(report, method)?.svg(),
        times(seconds(window.start), seconds(window.end)),
        rest(method),
    ))
}

/// Five times below a drawing.
fn times(from: f64, to: f64) -> String {
    let time = |quarter: i32| format!("<span>{:.2} s</span>", from + (to - from) * f64::from(quarter) / 4.0);
    format!("<div class=\"times\">{}</div>\n", (0..=4).map(time).collect::<String>())
}

/// Where the logit went, window and all.
fn rest(method: &Explained) -> String {
    let row = |name: &str, amount| format!("<tr><td>{}</td><td>{}</td></tr>\n", escape(name), signed(amount));
    let shares: String = method.rest.iter().map(|share| row(share.name, share.amount)).collect();
    let all = match method.adds_up {
        true => row("in all, the logit", method.whole()).replacen("<tr>", "<tr class=\"all\">", 1),
        false => String::new(),
    };
    format!("<table>\n{}{shares}{all}</table>\n", row("the window", method.sum()))
}

/// The scores of all chunks in rows.
fn table(report: &Report) -> String {
    let names: String =
        report.methods.iter().map(|method| format!("<th>{}</th>", escape(method.name))).collect();
    let rows: String = report
        .window
        .clone()
        .enumerate()
        .map(|(place, chunk)| {
            let scores = report.methods.iter().filter_map(|method| method.chunks.get(place));
            let scores: String = scores.map(|score| format!("<td>{}</td>", signed(*score))).collect();
            let (from, probability) = (seconds(chunk), report.probabilities[chunk]);
            format!("<tr><td>{from:.3} s</td><td>{probability:.4}</td>{scores}</tr>\n")
        })
        .collect();
    format!("<table>\n<tr><th>from</th><th>probability</th>{names}</tr>\n{rows}</table>\n")
}
