//! Scales, widths and marks by hand; the colors of `charts.css`.

use std::collections::BTreeMap;

use super::{CSS, Node, Scale, fit, mark, plain, short, step, width};

fn written(scale: &Scale, most: usize) -> Vec<String> {
    scale
        .ticks(most)
        .into_iter()
        .map(|(_, text)| text)
        .collect()
}

#[test]
fn ticks_are_round_and_have_the_digits_they_need() {
    let scale = |low, high| Scale::exactly((low, high), (0.0, 100.0));
    assert_eq!(
        written(&scale(0.0, 0.011), 6),
        ["0.000", "0.002", "0.004", "0.006", "0.008", "0.010"]
    );
    assert_eq!(
        written(&scale(-1.0, 1.0), 5),
        ["-1.0", "-0.5", "0.0", "0.5", "1.0"]
    );
    assert_eq!(written(&scale(0.0, 260_000.0), 3), ["0", "100k", "200k"]);
    assert_eq!(written(&scale(0.0, 3e7), 3), ["0", "10M", "20M", "30M"]);
    let log = |low, high| Scale::log([low, high], (0.0, 100.0));
    assert_eq!(
        written(&log(0.001, 10.0), 6),
        ["0.001", "0.01", "0.1", "1", "10"]
    );
    assert_eq!(written(&log(1.0, 40.0), 6), ["1", "2", "5", "10", "20"]);
    // Less than a decade without a power of ten in it.
    assert_eq!(written(&log(2.2, 4.4), 4), ["3", "4"]);
}

#[test]
fn every_value_has_a_place_within_the_range() {
    let odd = [
        0.0,
        -1.0,
        1.0,
        1e-300,
        1e300,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    for low in odd {
        for high in odd {
            for scale in [
                Scale::linear([low, high], (10.0, 90.0)),
                Scale::log([low, high], (10.0, 90.0)),
                Scale::from_zero([low, high], (90.0, 10.0)),
            ] {
                for value in odd {
                    let at = scale.at(value);
                    assert!((10.0..=90.0).contains(&at), "{value} at {at} of {scale:?}");
                }
                for (value, _) in scale.ticks(6) {
                    assert!((10.0..=90.0).contains(&scale.at(value)), "{scale:?}");
                }
            }
        }
    }
    // One value is in the middle, and no values make a scale too.
    assert_eq!(short(Scale::linear([0.5, 0.5], (0.0, 100.0)).at(0.5)), "50");
    assert_eq!(short(Scale::log([3.0], (0.0, 100.0)).at(3.0)), "50");
    assert!(Scale::linear([], (0.0, 1.0)).at(0.0).is_finite());
}

#[test]
fn numbers_are_short() {
    assert_eq!(
        [1.0, 1.25, -0.04, 10.0, 99.96].map(short),
        ["1", "1.3", "0", "10", "100"]
    );
    let numbers = [0.001, 0.1, 1.0, 40.0, 123.456, 0.000_012_345, 1e6, 0.0].map(plain);
    assert_eq!(
        numbers,
        [
            "0.001",
            "0.1",
            "1",
            "40",
            "123.5",
            "0.00001234",
            "1000000",
            "0"
        ]
    );
}

#[test]
fn what_is_too_wide_is_cut_before_the_edge() {
    for text in [
        "als",
        &"W".repeat(300),
        &"\u{1f3b5}".repeat(80),
        "\u{645}\u{631}\u{62d}\u{628}\u{627} long",
    ] {
        for most in [30.0, 80.0, 200.0] {
            let cut = fit(text, 13.0, most);
            assert!(width(&cut, 13.0) <= most, "{cut}");
            assert!(cut == text || cut.ends_with('…'), "{cut}");
        }
    }
    assert_eq!(fit("als", 13.0, 80.0), "als");
}

#[test]
fn a_value_has_its_step_of_the_sequence() {
    assert_eq!(step(0.0, (0.0, 1.0)), "s0");
    assert_eq!(step(0.5, (0.0, 1.0)), "s3");
    assert_eq!(step(1.0, (0.0, 1.0)), "s6");
    assert_eq!(step(7.0, (7.0, 7.0)), "s3");
}

#[test]
fn shapes_of_marks_differ_and_keep_their_place() {
    let drawn = |at: Option<usize>| format!("{:?}", mark(at, (50.0, 50.0), 5.0, ""));
    let shapes: std::collections::BTreeSet<String> = (0..7).map(|at| drawn(Some(at))).collect();
    assert_eq!(shapes.len(), 7);
    assert_eq!(drawn(Some(7)), drawn(Some(0)));
    let hollow = format!("{:?}", mark(None, (0.0, 0.0), 5.0, "hollow"));
    assert!(hollow.contains("mark hollow"));
}

#[test]
fn texts_and_attributes_are_escaped() {
    let node = Node::text("note", (1.0, 2.0), "a<b>&\"'\u{0}\u{202e}]]>").tip("<'\">");
    let svg = super::document("x", super::Size::Small, (10.0, 10.0), ("<t>", "&d"), [node]);
    assert_eq!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart small\" role=\"img\" \
         aria-labelledby=\"x-title x-desc\" viewBox=\"0 0 10 10\" width=\"10\" height=\"10\">\n\
         <title id=\"x-title\">&lt;t&gt;</title>\n<desc id=\"x-desc\">&amp;d</desc>\n\
         <text class=\"note\" x=\"1\" y=\"2\" data-tip=\"&lt;&#39;&quot;&gt;\">\
         a&lt;b&gt;&amp;&quot;&#39;  ]]&gt;</text>\n</svg>\n"
    );
}

/// The light of one of a color's channels.
fn channel(color: &str, at: usize) -> f64 {
    let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
    if value <= 0.03928 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

/// Relative luminance as WCAG 2 defines it.
fn luminance(color: &str) -> f64 {
    0.2126 * channel(color, 1) + 0.7152 * channel(color, 3) + 0.0722 * channel(color, 5)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The palettes of the style: light, dark (twice), print.
fn palettes() -> Vec<BTreeMap<&'static str, &'static str>> {
    let blocks = CSS.split('{').filter(|block| block.contains("--v0:"));
    let palette = |block: &'static str| {
        let block = block.split('}').next().unwrap();
        let lines = block
            .lines()
            .filter_map(|line| line.trim().split_once(": "));
        lines
            .map(|(name, color)| (name, color.trim_end_matches(';')))
            .collect()
    };
    blocks.map(palette).collect()
}

#[test]
fn colors_stand_out_from_the_page() {
    let palettes = palettes();
    assert_eq!(palettes.len(), 4);
    assert_eq!(palettes[1], palettes[2], "dark by system and by choice");
    assert_eq!(palettes[0], palettes[3], "paper is light");
    for palette in &palettes {
        let page = palette["--chart-page"];
        for (name, color) in palette {
            let least = match *name {
                "--chart-ink" => 12.0,
                "--chart-soft" => 4.5,
                "--chart-rule" | "--v-none" | "--part-validation" | "--part-test" => 3.0,
                name if name.starts_with("--v") => 3.0,
                _ => continue,
            };
            let has = contrast(color, page);
            assert!(has >= least, "{name} {color} has {has:.2} on {page}");
        }
    }
}

/// How colors look with normal eyes, and without one kind of cones: Machado, Oliveira and Fernandes 2009.
const EYES: [[[f64; 3]; 3]; 4] = [
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    [
        [0.152_286, 1.052_583, -0.204_868],
        [0.114_503, 0.786_281, 0.099_216],
        [-0.003_882, -0.048_116, 1.051_998],
    ],
    [
        [0.367_322, 0.860_646, -0.227_968],
        [0.280_085, 0.672_501, 0.047_413],
        [-0.011_820, 0.042_940, 0.968_881],
    ],
    [
        [1.255_528, -0.076_749, -0.178_779],
        [-0.078_411, 0.930_809, 0.147_602],
        [0.004_733, 0.691_367, 0.303_900],
    ],
];

/// A color in CIE Lab, in which distances are what eyes see.
fn seen(color: &str, eyes: &[[f64; 3]; 3]) -> [f64; 3] {
    let light = [1, 3, 5].map(|at| channel(color, at));
    let dot = |row: &[f64; 3]| row.iter().zip(light).map(|(a, b)| a * b).sum::<f64>();
    let [r, g, b] = [dot(&eyes[0]), dot(&eyes[1]), dot(&eyes[2])];
    let f = |t: f64| {
        if t > 0.008_856 {
            t.cbrt()
        } else {
            7.787 * t + 16.0 / 116.0
        }
    };
    let x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.950_47);
    let y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
    let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[test]
fn colors_of_variants_differ_for_eyes_of_every_kind() {
    for palette in palettes() {
        for eyes in &EYES {
            for a in 0..8 {
                for b in 0..a {
                    let of = |at: usize| seen(palette[format!("--v{at}").as_str()], eyes);
                    let (one, other) = (of(a), of(b));
                    let squares = one.iter().zip(other).map(|(a, b)| (a - b).powi(2));
                    let apart = squares.sum::<f64>().sqrt();
                    // 2.3 is just noticeable.
                    assert!(apart > 18.0, "v{a} and v{b} are {apart:.1} apart");
                }
            }
        }
    }
}

#[test]
fn the_sequence_goes_one_way_in_gray() {
    for palette in palettes() {
        let page = luminance(palette["--chart-page"]);
        let away: Vec<f64> = (0..7)
            .map(|at| (luminance(palette[format!("--s{at}").as_str()]) - page).abs())
            .collect();
        assert!(
            away.windows(2).all(|pair| pair[1] > pair[0] + 0.02),
            "{away:?}"
        );
        // What is written in a cell can be read.
        for at in 0..7 {
            let text = match at {
                ..3 => "--chart-ink",
                3 if palette["--cell-3"] == "var(--chart-ink)" => "--chart-ink",
                _ => "--chart-page",
            };
            let cell = palette[format!("--s{at}").as_str()];
            let has = contrast(palette[text], cell);
            assert!(has >= 4.5, "s{at} {cell} with {text}: {has:.2}");
        }
    }
}
