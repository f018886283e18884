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

/// A chart of two series on two kinds of axes, one of them of named points.
fn awkward(labels: Vec<String>) -> Chart {
    let points = (0..labels.len()).map(|i| (10_f64.powi(i as i32), 90.0 + i as f64));
    let named = Series {
        bars: vec![Bar {
            from: (-5.0, 91.0),
            to: (30.0, 91.0),
        }],
        labels,
        ..Series::new("methods", points.collect(), Mark::Points)
    };
    Chart {
        x: Axis::new("share (%)", Scale::Log),
        y: Axis::new("accuracy (%)", Scale::Linear),
        series: vec![
            named,
            Series::new("a line", vec![(1.0, 90.0), (9.0, 95.0)], Mark::Line),
        ],
        references: vec![Reference {
            name: "none".to_owned(),
            place: Place::X(10.0),
        }],
    }
}

/// The value of an attribute of a tag.
fn attribute<'t>(tag: &'t str, name: &str) -> &'t str {
    let value = tag.split(&format!(" {name}=\"")).nth(1).unwrap();
    value.split('"').next().unwrap()
}

/// Places on the polylines that have these attributes.
fn places(svg: &str, marked: &str) -> Vec<(i32, i32)> {
    let tags = svg.split('<').filter(|tag| tag.starts_with("polyline"));
    let points = tags.filter(|tag| tag.contains(marked));
    let points = points.flat_map(|tag| attribute(tag, "points").split_whitespace());
    let place = |point: &str| {
        let (x, y) = point.split_once(',').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    points.map(place).collect()
}

/// An error bar that reaches below a logarithmic axis ends where the axis does.
#[test]
fn error_bars_and_references_stay_in_the_frame() {
    let svg = awkward(["a", "b", "c"].map(str::to_owned).to_vec());
    let svg = svg.to_svg("bars").unwrap();
    let axis = places(&svg, "stroke=\"#666666\" stroke-width=\"4\"");
    let left = axis[0].0;
    assert_eq!(axis[1].0, left, "the first is the upright axis");
    let bar = places(&svg, "opacity=\"0.65\" stroke=\"#0072B2\"");
    assert!((bar[0].0 - left).abs() <= 2, "{bar:?} from {left}");
    assert!(bar[1].0 > bar[0].0 + 200 && bar[1].1 == bar[0].1, "{bar:?}");
    let dashes = places(&svg, "stroke=\"#666666\" stroke-width=\"7\"");
    let upright = dashes.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    assert!(upright.count() > 20, "{dashes:?}");
    let (top, bottom) = (axis[0].1, axis[1].1);
    let across = dashes.iter().filter(|place| place.1 > top);
    assert!(across.clone().count() > 20 && across.clone().all(|place| place.1 <= bottom + 1));
}

/// The legend names every point with a symbol of its own, and nothing in it hides anything else.
#[test]
fn named_points_can_be_told_apart() {
    let labels: Vec<String> = (0..16).map(|i| format!("method-{i}")).collect();
    let svg = awkward(labels.clone()).to_svg("names").unwrap();
    let starts: Vec<(&str, f64, f64)> = svg
        .split("<text")
        .skip(1)
        .filter(|tag| tag.contains("text-anchor=\"start\""))
        .map(|tag| {
            let text = tag.split(['>', '<']).nth(1).unwrap().trim();
            let number = |name: &str| attribute(tag, name).parse::<f64>().unwrap();
            (text, number("x"), number("y"))
        })
        .collect();
    for label in &labels {
        let found = starts.iter().filter(|start| start.0 == label);
        assert_eq!(found.count(), 1, "{label}");
    }
    let end = |start: &(&str, f64, f64)| start.1 + 24.0 * start.0.chars().count() as f64;
    for pair in starts.windows(2) {
        assert!(end(&pair[0]) < 1680.0, "{pair:?}");
        let same_line = (pair[0].2 - pair[1].2).abs() < 40.0;
        assert!(!same_line || end(&pair[0]) < pair[1].1, "{pair:?}");
    }
    // Shapes of symbols, as offsets from the first corner; a circle has none. The later eight are
    // the first eight with a hole.
    let shapes: Vec<Vec<(i32, i32)>> = svg
        .split('<')
        .filter(|tag| tag.contains("fill=\"#0072B2\""))
        .map(|tag| match tag.starts_with("circle") {
            true => Vec::new(),
            false => {
                let points = attribute(tag, "points").split_whitespace();
                let points = points.map(|point| point.split_once(',').unwrap());
                let points: Vec<(i32, i32)> = points
                    .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
                    .collect();
                let (x, y) = points[0];
                points
                    .iter()
                    .map(|point| (point.0 - x, point.1 - y))
                    .collect()
            }
        })
        .collect();
    assert_eq!(shapes.len(), 2 * labels.len());
    for (index, shape) in shapes[..8].iter().enumerate() {
        assert!(!shapes[..index].contains(shape), "{index}");
    }
    let holes = svg.matches("opacity=\"1\" fill=\"#FFFFFF\"").count();
    assert_eq!(holes, 1 + 2 * 8, "the ground, and half of all symbols");
}
