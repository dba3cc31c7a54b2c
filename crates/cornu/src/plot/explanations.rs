use cornu_explain::{Map, SanityReport};
use cornu_plot::drawing::Drawing;
use cornu_plot::figure::{Cell, ColourKey, ContactSheet, SheetRow};
use cornu_plot::raster::{Overlay, Raster, ValueRange, overlay};
use cornu_plot::{ColourMap, PlotError};

/// Side of a picture alone, of one among others, and of one among very many.
const LARGE: f64 = 384.0;
const MEDIUM: f64 = 224.0;
const SMALL: f64 = 150.0;
/// Pictures side by side where a single one is explained.
const PER_ROW: usize = 4;
/// Columns of the sheet of a sanity check.
const SANITY_COLUMNS: usize = 10;
/// Of maps of single pixels so many thousandths lie below the last colour: few pixels outshine all others.
const BRIGHT: usize = 995;
/// What is left of the contrast of a picture below a map of single pixels.
const FADED: f32 = 0.6;

/// A picture and what was made of it.
#[derive(Debug, Clone, Copy)]
pub struct Explained<'a> {
    /// What the picture is called.
    pub name: &'a str,
    /// The picture.
    pub picture: &'a Raster,
    /// Its maps, of one class.
    pub maps: &'a [Map],
}

/// Colours and range of a map: signed ones are blue below 0 and orange above.
pub fn style_of(map: &Map) -> (Overlay, ValueRange) {
    let colours = if map.signed { ColourMap::BlueOrange } else { ColourMap::Ember };
    let style = Overlay { colours, ..Overlay::default() };
    let values = map.values.data();
    if map.coarse.is_some() || map.method == "occlusion" {
        return (style, ValueRange::of(values, colours));
    }
    let mut sizes: Vec<f32> = values.iter().map(|x| x.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let far = sizes[(sizes.len() - 1) * BRIGHT / 1000];
    let low = if map.signed { -far } else { 0.0 };
    (Overlay { contrast: FADED, ..style }, ValueRange { low, high: far })
}

/// A map in its colours over the picture that it explains, whatever size that has.
///
/// # Errors
///
/// [`PlotError::Size`] if the map is no rectangle.
pub fn laid_over(picture: &Raster, map: &Map) -> Result<Raster, PlotError> {
    let (style, range) = style_of(map);
    overlay(picture, map.values.data(), map.values.dims()[1], range, style)
}

/// A map in words: of what, where it is strongest, and how much of the picture is.
pub fn map_in_words(map: &Map, name: &str, class: &str) -> String {
    let (row, column) = map.peak();
    let (height, width) = (map.values.dims()[0], map.values.dims()[1]);
    let third = |at: usize, size: usize| (3 * at / size.max(1)).min(2);
    let place = match (third(row, height), third(column, width)) {
        (1, 1) => "in the middle".to_owned(),
        (y, x) => {
            let (y, x) = (["upper ", "middle ", "lower "][y], ["left", "center", "right"][x]);
            format!("in the {y}{x}")
        }
    };
    let (method, values) = (map.method, map.values.data());
    if values.iter().all(|x| *x == values[0]) {
        return format!(
            "{method} map of {name} for class {class}: the same everywhere; nothing in the picture \
             stands out."
        );
    }
    let high = values.iter().copied().fold(0.0, f32::max);
    let share = values.iter().filter(|&&x| high / 2.0 < x).count() as f64 / values.len() as f64;
    format!(
        "{method} map of {name} for class {class}: strongest {place} (row {row}, column {column} of \
         {height} x {width}); {:.1} % of the picture has more than half of that.",
        100.0 * share
    )
}

/// One map over its picture, with a bar of its colours.
///
/// ```
/// use cornu::explain::{Explainer, Method, Target};
/// use cornu::plot::{self, drawing::Theme, raster::Raster};
/// use cornu::tensor::Tensor;
///
/// let model = cornu::networks::lesson_cnn()?;
/// let pixels = Tensor::from_fn([256, 256, 1], |i| (i % 251) as f32);
/// let map = Explainer::new(&model)?.explain(&pixels, &Method::Saliency, Target::Class(1))?;
/// assert_eq!(map.values.dims(), [256, 256]);
/// let picture = Raster::from_numbers(256, 256, pixels.data())?;
/// let drawing = plot::explanation("a.png", &picture, &map, "effusion")?;
/// assert!(drawing.description.starts_with("saliency map of a.png for class effusion"));
/// std::fs::write(std::env::temp_dir().join("why.png"), drawing.to_png(Theme::Light, 1.0)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`PlotError::Size`] if the map is no rectangle.
pub fn explanation(
    name: &str,
    picture: &Raster,
    map: &Map,
    class: &str,
) -> Result<Drawing, PlotError> {
    let (style, range) = style_of(map);
    let cells = vec![Cell::new(laid_over(picture, map)?, "")];
    let of_layer = map.layer.as_ref().map_or(String::new(), |layer| format!(", layer {layer}"));
    let sheet = ContactSheet {
        title: format!("{}: {class}", map.method),
        sentences: vec![format!("{name}{of_layer}")],
        description: map_in_words(map, name, class),
        rows: vec![SheetRow { cells, ..SheetRow::default() }],
        keys: vec![ColourKey::of(range, style)],
        ..ContactSheet::default()
    };
    Ok(sheet.draw(LARGE))
}

/// Pictures beside their maps: methods side by side, so that they can be compared. `class_of` names
/// the class of a map.
///
/// # Errors
///
/// As for [`laid_over`].
pub fn comparison(
    explained: &[Explained<'_>],
    class_of: impl Fn(&Map) -> String,
) -> Result<Drawing, PlotError> {
    let maps = || explained.iter().flat_map(|one| one.maps);
    let mut methods: Vec<&str> = Vec::new();
    for map in maps() {
        if !methods.contains(&map.method) {
            methods.push(map.method);
        }
    }
    let described: Vec<String> = explained
        .iter()
        .flat_map(|one| one.maps.iter().map(|map| map_in_words(map, one.name, &class_of(map))))
        .collect();
    let mut sheet = ContactSheet {
        title: "Where the answer comes from".to_owned(),
        sentences: vec![
            "The same pictures explained by several methods. Each map has colours of its \
                         own range."
                .to_owned(),
        ],
        description: described.join(" "),
        keys: keys(maps()),
        ..ContactSheet::default()
    };
    for one in explained {
        let class = one.maps.first().map_or(String::new(), &class_of);
        let label = format!("{}: {class}", one.name);
        let mut cells = vec![Cell::new(one.picture.clone(), "picture")];
        for map in one.maps {
            cells.push(Cell::new(laid_over(one.picture, map)?, map.method));
        }
        if let [_] = explained {
            let rows = cells
                .chunks(PER_ROW)
                .map(|cells| SheetRow { cells: cells.to_vec(), ..SheetRow::default() });
            sheet.rows.extend(rows);
            sheet.rows[0].label = label;
        } else {
            cells.iter_mut().for_each(|cell| cell.note.clear());
            sheet.columns =
                ["picture"].iter().chain(&methods).map(|&name| name.to_owned()).collect();
            sheet.rows.push(SheetRow { label, cells, remark: String::new() });
        }
    }
    Ok(sheet.draw(MEDIUM))
}

/// A key in words for each kind of colours that the maps have.
fn keys<'a>(maps: impl Iterator<Item = &'a Map>) -> Vec<ColourKey> {
    let mut keys: Vec<ColourKey> = Vec::new();
    for map in maps {
        let (style, _) = style_of(map);
        let style = Overlay { contrast: 1.0, ..style };
        if keys.iter().any(|key| key.style == style) {
            continue;
        }
        let [low, middle, high] = match map.signed {
            true => ["against the class", "0", "for it"],
            false => ["counts little", "", "counts much"],
        };
        let [low, middle, high] = [low, middle, high].map(str::to_owned);
        keys.push(ColourKey { style, low, middle, high, title: String::new() });
    }
    keys
}

/// What a sanity check found, a row for each method: the map of the trained network, then with the
/// weights of more and more layers drawn anew; bars tell how much of the first map is left. Shows the
/// picture that stands at `index` in what was checked.
///
/// # Errors
///
/// As for [`laid_over`].
pub fn sanity(
    name: &str,
    picture: &Raster,
    reports: &[SanityReport],
    index: usize,
) -> Result<Drawing, PlotError> {
    let mut sheet = ContactSheet {
        title: "Sanity check: can these maps be believed?".to_owned(),
        sentences: vec![
            "Left the map of the trained network. Then its weights are drawn anew, from the last layer \
             to the first, until nothing is left that was learnt. A map that stays as it is shows the \
             picture, not the network."
                .to_owned(),
            format!(
                "Bars: rank correlation with the trained map (1: the same order of pixels, 0: nothing in \
                 common), without signs, mean over the pictures. Shown is {name}."
            ),
        ],
        keys: keys(reports.iter().filter_map(|report| report.maps.first())),
        ..ContactSheet::default()
    };
    let mut described = Vec::new();
    for report in reports {
        let verdict = sanity_in_words(report);
        let mut cells = vec![Cell::new(laid_over(picture, &report.maps[index])?, "trained")];
        sheet.columns = vec!["trained".to_owned()];
        let n = report.steps.len();
        let columns = n.min(SANITY_COLUMNS);
        for i in 0..columns {
            // Spread over all steps, the last one included.
            let step = &report.steps[(i + 1) * n / columns - 1];
            let left = step.rank_correlation_of_sizes;
            let note = if left.is_nan() { "nothing left".to_owned() } else { signed(left) };
            let picture = laid_over(picture, &step.maps[index])?;
            cells.push(Cell { picture, note, bar: Some(left) });
            let arrow = if i == 0 { "" } else { "… " };
            sheet.columns.push(format!("{arrow}{}", step.layer));
        }
        cells[0].note.clear();
        let label = report.method.to_owned();
        described.push(format!("{label}: {verdict}."));
        sheet.rows.push(SheetRow { label, remark: verdict, cells });
    }
    sheet.description = described.join(" ");
    Ok(sheet.draw(SMALL))
}

fn signed(x: f64) -> String {
    format!("{x:.2}").replace('-', "\u{2212}")
}

/// What a sanity check says, in words.
pub fn sanity_in_words(report: &SanityReport) -> String {
    let left = report.steps.last().map_or(f64::NAN, |step| step.rank_correlation_of_sizes);
    match (report.depends_on_weights(), left.is_nan()) {
        (true, true) => {
            "without anything learnt no map is left, so it depends on what was learnt".into()
        }
        (true, false) => format!(
            "depends on what the network has learnt (rank correlation with nothing learnt: {})",
            signed(left)
        ),
        (false, _) => format!(
            "stays much the same without anything learnt ({left:.2}): it shows the picture more than the \
             network, so do not rely on it"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cornu_explain::SanityStep;
    use cornu_plot::drawing::Theme;
    use cornu_tensor::Tensor;

    fn map(method: &'static str, signed: bool, values: [f32; 4]) -> Map {
        Map {
            method,
            values: Tensor::new([2, 2], values.to_vec()).unwrap(),
            coarse: None,
            layer: None,
            signed,
            class: 1,
            score: 0.0,
            outputs: vec![0.5],
            completeness: None,
        }
    }

    fn picture() -> Raster {
        Raster::new(8, 8, [100; 3])
    }

    #[test]
    fn maps_are_told_in_words() {
        let words = map_in_words(&map("occlusion", true, [-1.0, 0.0, 0.1, 2.0]), "a.png", "b");
        assert_eq!(
            words,
            "occlusion map of a.png for class b: strongest in the middle (row 1, column 1 of 2 x 2); \
             25.0 % of the picture has more than half of that."
        );
        let words = map_in_words(&map("saliency", false, [0.0; 4]), "a.png", "b");
        assert!(words.contains("the same everywhere"), "{words}");
    }

    #[test]
    fn colours_say_whether_signs_count() {
        let (style, range) = style_of(&map("integrated-gradients", true, [-4.0, 0.0, 1.0, 2.0]));
        assert_eq!((style.colours, range.low), (ColourMap::BlueOrange, -range.high));
        let (style, range) = style_of(&map("saliency", false, [0.0, 0.0, 1.0, 2.0]));
        assert_eq!((style.colours, range.low), (ColourMap::Ember, 0.0));
    }

    #[test]
    fn methods_lie_side_by_side() {
        let maps = [
            map("saliency", false, [0.0, 0.0, 1.0, 2.0]),
            map("occlusion", true, [-1.0, 0.0, 1.0, 2.0]),
        ];
        let picture = picture();
        let one = Explained { name: "a.png", picture: &picture, maps: &maps };
        let alone = comparison(&[one], |_| "yes".to_owned()).unwrap().to_svg(Theme::Light);
        for part in [">a.png: yes<", ">saliency<", ">against the class<", ">counts much<"] {
            assert!(alone.contains(part), "{part}");
        }
        let drawn = comparison(&[one, one], |_| "yes".to_owned()).unwrap();
        assert_eq!(drawn.to_svg(Theme::Light).matches("<image").count(), 2 * 3 + 2);
        assert!(drawn.description.contains("saliency map of a.png for class yes"));
        let single = explanation("a.png", &picture, &maps[1], "yes").unwrap();
        assert!(single.to_svg(Theme::Auto).contains(">\u{2212}2</text>"));
    }

    #[test]
    fn a_sanity_check_shows_what_is_left() {
        let step = |left: f64| SanityStep {
            layer: "dense".to_owned(),
            maps: vec![map("saliency", false, [1.0, 0.0, 1.0, 2.0])],
            rank_correlation: left,
            rank_correlation_of_sizes: left,
            ssim: 0.2,
        };
        let report = |left: f64| SanityReport {
            method: "saliency",
            maps: vec![map("saliency", false, [0.0, 0.0, 1.0, 2.0])],
            steps: vec![step(0.9), step(left)],
        };
        assert!(sanity_in_words(&report(0.2)).contains("with nothing learnt: 0.20)"));
        assert!(sanity_in_words(&report(0.8)).contains("do not rely on it"));
        assert!(sanity_in_words(&report(f64::NAN)).contains("no map is left"));
        let reports = [report(0.2), report(0.8)];
        let drawing = sanity("a.png", &picture(), &reports, 0).unwrap();
        let svg = drawing.to_svg(Theme::Light);
        assert_eq!((svg.matches("<image").count(), svg.matches(">0.90<").count()), (2 * 3 + 1, 2));
        assert!(drawing.description.contains("saliency: stays much the same"));
    }
}
