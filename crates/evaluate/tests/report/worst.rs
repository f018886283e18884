//! Whatever a report holds is text, and whatever a chart holds is drawn or left out.

use crate::checks::{check_figures, check_page};
use rescind_evaluate::report::{
    Axis, Bar, Block, Chart, Fact, Figure, Headline, Mark, Picture, Place, Reference, Report,
    Scale, Section, Series, Table, Tone,
};

const HOSTILE: &str = "<img src=x onerror=alert(1)>&\"'\u{1}";

/// Every text a report can hold, at its worst.
#[test]
fn whatever_a_report_holds_is_text() {
    let bad = || HOSTILE.to_owned();
    let axis = |scale| Axis {
        label: bad(),
        scale,
    };
    let chart = Chart {
        x: axis(Scale::Linear),
        y: axis(Scale::Categories(vec![bad(), bad()])),
        series: ["", HOSTILE]
            .map(|name| Series {
                name: name.to_owned(),
                points: vec![(1.0, 0.0), (f64::NAN, 1.0), (3.0, 1.0)],
                mark: Mark::LineAndPoints,
                bars: vec![Bar {
                    from: (f64::NAN, 0.0),
                    to: (2.0, f64::INFINITY),
                }],
                labels: vec![bad()],
            })
            .to_vec(),
        references: vec![Reference {
            name: bad(),
            place: Place::Y(f64::INFINITY),
        }],
    };
    let report = Report {
        title: bad(),
        subject: bad(),
        headline: Headline {
            kind: bad(),
            tone: Tone::Plain,
            sentence: bad(),
            notes: vec![bad()],
        },
        facts: vec![Fact {
            name: bad(),
            value: bad(),
            note: bad(),
        }],
        sections: vec![Section {
            title: bad(),
            blocks: vec![
                Block::Text(bad()),
                Block::List(vec![(bad(), bad())]),
                Block::Table(Table {
                    caption: bad(),
                    head: vec![bad(), bad()],
                    rows: vec![vec![bad(), bad()]],
                }),
                Block::Figure(Figure {
                    name: bad(),
                    title: bad(),
                    caption: bad(),
                    chart,
                }),
                Block::Pictures(vec![Picture {
                    png: Vec::new(),
                    title: bad(),
                    lines: vec![bad()],
                }]),
            ],
        }],
        closing: bad(),
    };
    let page = report.to_html();
    assert!(!page.contains("<img src=x"), "markup got through");
    assert!(!page.contains("\"'\u{1}"), "a quote got through");
    check_page(&page);
    check_figures(&report);
}

/// An error bar that reaches below a logarithmic axis ends where the axis does, and what is written
/// beside points stays in the picture.
#[test]
fn error_bars_and_labels_stay_in_the_picture() {
    let label = "a label of some length";
    let series = Series {
        bars: vec![Bar {
            from: (-5.0, 90.0),
            to: (30.0, 90.0),
        }],
        labels: vec![label.to_owned(), label.to_owned()],
        ..Series::new("method", vec![(1.0, 90.0), (100.0, 95.0)], Mark::Points)
    };
    let chart = Chart {
        x: Axis::new("share (%)", Scale::Log),
        y: Axis::new("accuracy (%)", Scale::Linear),
        series: vec![series],
        references: vec![Reference {
            name: "none".to_owned(),
            place: Place::X(10.0),
        }],
    };
    let svg = chart.to_svg("bars");
    let number = |tag: &str, name: &str| {
        let value = tag.split(&format!(" {name}=\"")).nth(1).unwrap();
        value.split('"').next().unwrap().parse::<f64>().unwrap()
    };
    let tags = || svg.split('<').skip(1);
    let axis = tags()
        .find(|tag| tag.starts_with("line class=\"a\""))
        .unwrap();
    let bar = tags()
        .find(|tag| tag.starts_with("line class=\"c0\""))
        .unwrap();
    assert!(
        (number(bar, "x1") - number(axis, "x1")).abs() < 1e-9,
        "{bar}"
    );
    assert!(number(bar, "x2") > number(bar, "x1") + 50.0, "{bar}");
    // The legend's line comes first.
    let across = tags()
        .filter(|tag| tag.starts_with("line class=\"r\""))
        .last()
        .unwrap();
    assert!(
        (number(across, "x1") - number(across, "x2")).abs() < 1e-9,
        "{across}"
    );
    let texts: Vec<&str> = tags()
        .filter(|tag| tag.starts_with("text class=\"b\""))
        .collect();
    assert_eq!(texts.len(), 2);
    for text in texts {
        let half = 6.3 * label.len() as f64 / 2.0;
        let middle = number(text, "x");
        assert!(middle - half > 0.0 && middle + half < 420.0, "{text}");
    }
}
