//! What holds of every page and every figure.

use rescind_evaluate::report::{Figure, Report};
use std::io::Cursor;

/// As a browser shows it.
pub fn shown(text: &str) -> String {
    let escapes = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    escapes
        .into_iter()
        .fold(text.to_owned(), |text, (coded, plain)| {
            text.replace(coded, plain)
        })
}

pub fn figure<'r>(report: &'r Report, name: &str) -> &'r Figure {
    let found = report.figures().find(|figure| figure.name == name);
    found.unwrap_or_else(|| panic!("no figure {name}"))
}

pub fn series<'f>(figure: &'f Figure, name: &str) -> &'f [(f64, f64)] {
    let found = figure
        .chart
        .series
        .iter()
        .find(|series| series.name == name);
    &found.unwrap_or_else(|| panic!("no series {name}")).points
}

/// Nothing is fetched from anywhere, and nothing runs.
pub fn check_page(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    let page = page.replace("http://www.w3.org/2000/svg", "");
    for forbidden in [
        "http:",
        "https:",
        "<script",
        "<link",
        "<iframe",
        "@import",
        "url(",
        "javascript:",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for source in page.split(" src=\"").skip(1) {
        assert!(
            source.starts_with("data:image/png;base64,"),
            "{}",
            &source[..40]
        );
    }
    // No element listens to anything; what is between quotes is a value.
    for tag in page
        .split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap())
    {
        let names = tag.split('"').step_by(2).flat_map(str::split_whitespace);
        for name in names {
            assert!(!name.starts_with("on"), "{tag}");
        }
    }
    // Every element that is opened is closed.
    for tag in [
        "section", "table", "tr", "figure", "svg", "dl", "div", "main", "p", "text",
    ] {
        let opened =
            page.matches(&format!("<{tag} ")).count() + page.matches(&format!("<{tag}>")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

pub fn check_figures(report: &Report) {
    for figure in report.figures() {
        let (shape, values) = decoded(&figure.chart.to_png().unwrap());
        assert_eq!((shape.0, shape.2), (3, 840), "{}", figure.name);
        let pixels = || values.chunks_exact(3);
        let dark = pixels().filter(|pixel| pixel.iter().all(|&v| v < 100));
        let coloured =
            pixels().filter(|pixel| pixel.iter().max().unwrap() - pixel.iter().min().unwrap() > 80);
        let (dark, coloured) = (dark.count(), coloured.count());
        assert!(dark > 300, "{}: no text or axes were drawn", figure.name);
        assert!(coloured > 50, "{}: no data were drawn", figure.name);
    }
}

/// Channels, height and width of a PNG file, and its values.
pub fn decoded(file: &[u8]) -> ((usize, usize, usize), Vec<u8>) {
    let mut reader = png::Decoder::new(Cursor::new(file)).read_info().unwrap();
    let mut values = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut values).unwrap();
    let (width, height) = (info.width as usize, info.height as usize);
    ((info.color_type.samples(), height, width), values)
}
