//! The plot: CPU of each request by target, one group of bars a scenario, as a ratio to the greatest of its group.

use std::fmt::Write as _;

use crate::measure::Measured;

const ROW: usize = 18;
const LEFT: usize = 190;
const WIDTH: f64 = 420.0;

/// An SVG without scripts and fonts of its own.
pub fn bars(all: &[Measured<'_>]) -> String {
    let mut body = String::new();
    let mut y = 40;
    for measured in all {
        let values: Vec<(&str, f64)> =
            measured.targets.iter().filter_map(|name| Some((*name, measured.median(name, |round| round.cpu_us)?))).collect();
        let greatest = values.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
        let _ = writeln!(body, "<text x=\"8\" y=\"{}\" font-weight=\"bold\">{}</text>", y + 12, measured.scenario.name);
        y += ROW;
        for (name, value) in values {
            let colour = if name.starts_with("hookward") { "#b3541e" } else { "#8a9aa9" };
            let (width, text_y) = (value / greatest * WIDTH, y + 12);
            let _ = writeln!(
                body,
                "<text x=\"{}\" y=\"{text_y}\" text-anchor=\"end\">{name}</text><rect x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"12\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{text_y}\">{value:.1}</text>",
                LEFT - 6,
                y + 2,
                LEFT as f64 + width + 6.0,
            );
            y += ROW;
        }
        y += ROW / 2;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"700\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<text x=\"8\" y=\"22\" font-size=\"14\">CPU of the proxy for each request, in microseconds (less is better)</text>\n{body}</svg>\n",
        y + 10
    )
}
