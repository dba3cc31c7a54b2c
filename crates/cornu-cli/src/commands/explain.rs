use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cornu::data::{Resize, SampleShape, find_pictures, load_picture, write_npy};
use cornu::explain::{Explainer, Map, Method, SanityReport, ScoreKind, Target, sanity_check};
use cornu::formats::safe_write::write_file_safely;
use cornu::plot::ColourMap;
use cornu::plot::raster::{
    ContactSheet, Overlay, Raster, Sampling, ValueRange, colour_bar, overlay,
};
use cornu::tensor::Tensor;
use serde_json::{Value, json};

use crate::error::CliError;
use crate::labels::picture_shape;
use crate::machine::Machine;
use crate::model_argument::ModelArgument;
use crate::output;

/// Pixels that a picture is shown with, at least.
const SIDE: usize = 384;

/// The same on sheets of many pictures.
const SHEET_SIDE: usize = 224;

/// Pictures on one contact sheet.
const SHEET_ROWS: usize = 12;

/// Columns of the sheet of the sanity check.
const SANITY_COLUMNS: usize = 10;

/// Pictures that the sanity check looks at.
const SANITY_PICTURES: usize = 8;

/// Show which parts of a picture a network's answer comes from
///
/// IMAGE is a picture of any size and colour type or a folder of pictures. For each picture and method
/// DIR gets an overlay with a colour bar (.png) and the map as numbers at the size that the model takes
/// (.npy); DIR/contact-sheet.png compares the methods side by side, and DIR/explain.json lists everything
/// with a description of each picture in words, which the .png files hold as well.
///
/// Methods: saliency, smoothgrad, integrated-gradients, grad-cam, grad-cam++, score-cam, occlusion; all.
/// Warm or orange colours speak for the class; the blue of integrated-gradients and occlusion speaks
/// against it.
///
/// --sanity draws the network's weights anew, layer by layer from the last to the first, and compares
/// the maps with those before (Adebayo et al. 2018). A map that stays the same shows the picture, not what
/// the network has learnt. DIR gets sanity.png and sanity.json.
///
/// Examples:
///
///   cornu explain run chest.png
///   cornu explain run/best.keras folder --method all --class effusion --out why
///   cornu explain run chest.png --method saliency --method grad-cam --layer conv2d_3 --sanity
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The folder of a run, or a .keras or .h5 file; also `lesson-cnn` or a Keras .json config, whose
    /// weights are random
    model: String,
    /// Pictures and folders of pictures
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,
    /// How maps are made; may be given several times
    #[arg(long = "method", value_name = "NAME", default_value = "grad-cam++", value_parser = method_name)]
    methods: Vec<String>,
    /// The class that is explained: its name or number [default: the predicted one, by picture]
    #[arg(long, value_name = "C")]
    class: Option<String>,
    /// The layer that the methods with `cam` in their names look at [default: the last convolution]
    #[arg(long, value_name = "L")]
    layer: Option<String>,
    /// What is explained: the class's score before the last activation (logit), or the model's output
    #[arg(long, value_name = "KIND", default_value = "logit", value_parser = ["logit", "output"])]
    score: String,
    /// The folder to write to; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "cornu-explain")]
    out: PathBuf,
    /// Check whether the maps depend on what the network has learnt, on the first 8 pictures
    #[arg(long)]
    sanity: bool,
    /// Seed of noise and of weights drawn anew
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON object per map, and per step of the sanity check
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

fn method_name(text: &str) -> Result<String, String> {
    if text == "all" || Method::NAMES.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("expected one of {} or all", Method::NAMES.join(", ")))
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    args.machine.prepare();
    let loaded = ModelArgument::parse(&args.model)?.open_to_predict()?;
    let mut model = loaded.model;
    args.machine.apply(&mut model)?;
    let classes = loaded.notes.unwrap_or_default().classes;
    let shape = picture_shape(&model)?;
    let methods = methods_of(args)?;
    let kind = if args.score == "output" { ScoreKind::Output } else { ScoreKind::Logit };
    let target = match &args.class {
        None => Target::Predicted,
        Some(text) => Target::Class(class_of(text, &classes)?),
    };
    let mut explainer = Explainer::new(&model)?.score_kind(kind).options(args.machine.options()?);
    let (subjects, n_bad) = read_pictures(&args.images, shape)?;
    std::fs::create_dir_all(&args.out).map_err(|error| {
        CliError::message(format!("{}: cannot make this folder: {error}", args.out.display()))
    })?;

    let mut job = Job { args, classes, listed: Vec::new() };
    let mut rows = Vec::new();
    for subject in &subjects {
        let mut row = vec![(subject.raster.clone(), String::new())];
        for method in &methods {
            let map = explainer.explain(&subject.tensor, method, target)?;
            row.push((job.write_map(subject, &map)?, String::new()));
        }
        rows.push((subject.path.display().to_string(), row));
    }
    let columns: Vec<String> = std::iter::once("picture".to_owned())
        .chain(methods.iter().map(|method| method.name().to_owned()))
        .collect();
    job.write_sheets(&columns, rows)?;
    if args.sanity {
        job.check_sanity(&model, &subjects, &methods, target, kind)?;
    }
    let text = serde_json::to_vec_pretty(&job.listed)
        .map_err(|error| CliError::message(format!("explain.json: {error}")))?;
    write_file_safely(&args.out.join("explain.json"), &text)?;
    if n_bad == 0 {
        return Ok(());
    }
    Err(CliError::message(format!(
        "{n_bad} of {} could not be explained, each named above with its reason",
        output::counted(n_bad + subjects.len(), "file")
    )))
}

/// The methods that are asked for, once each, with the layer and the seed.
fn methods_of(args: &Args) -> Result<Vec<Method>, CliError> {
    let is_asked = |name: &&str| args.methods.iter().any(|asked| asked == "all" || asked == name);
    let mut methods = Vec::new();
    for name in Method::NAMES.iter().copied().filter(is_asked) {
        let mut method = Method::named(name)?;
        if let Some(layer) = &args.layer {
            method = method.at_layer(layer);
        }
        if let Method::SmoothGrad(settings) = &mut method {
            settings.seed = args.seed;
        }
        methods.push(method);
    }
    if args.layer.is_some() && !methods.iter().any(|method| method.name().contains("cam")) {
        return Err(CliError::message(
            "--layer is for grad-cam, grad-cam++ and score-cam, none of which is asked for with \
             --method; leave it out, or add one of them",
        ));
    }
    Ok(methods)
}

/// The number of a class.
fn class_of(text: &str, classes: &[String]) -> Result<usize, CliError> {
    if let Some(class) = classes.iter().position(|name| name == text) {
        return Ok(class);
    }
    text.parse().map_err(|_| {
        CliError::message(if classes.is_empty() {
            format!("--class {text}: the model knows no names of classes; give a number from 0 on")
        } else {
            format!("--class {text}: the model knows the classes {}", classes.join(", "))
        })
    })
}

/// A picture as the model sees it.
struct Subject {
    path: PathBuf,
    /// What its files begin with.
    name: String,
    tensor: Tensor,
    raster: Raster,
}

/// The pictures that can be read, and the number of others, each of which is told.
fn read_pictures(
    images: &[PathBuf],
    shape: SampleShape,
) -> Result<(Vec<Subject>, usize), CliError> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for image in images {
        if !image.is_dir() {
            files.push(image.clone());
            continue;
        }
        let (pictures, not_listed) = find_pictures(image);
        if pictures.is_empty() && not_listed.is_empty() {
            problems.push(CliError::message(format!(
                "{}: there are no pictures in this folder; give pictures, or a folder with some",
                image.display()
            )));
        }
        files.extend(pictures);
        problems.extend(not_listed.into_iter().map(CliError::from));
    }
    let mut subjects = Vec::new();
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for path in files {
        match read_picture(&path, shape) {
            Ok((tensor, raster)) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let times = used.entry(stem.clone()).or_default();
                *times += 1;
                let name = if *times == 1 { stem } else { format!("{stem}-{times}") };
                subjects.push(Subject { path, name, tensor, raster });
            }
            Err(error) => problems.push(error),
        }
    }
    let n_bad = problems.len();
    if subjects.is_empty() && n_bad == 1 {
        return Err(problems.remove(0));
    }
    for problem in problems {
        output::message(problem);
    }
    if subjects.is_empty() {
        return Err(CliError::message(format!(
            "none of {n_bad} pictures can be read, each named above with its reason"
        )));
    }
    Ok((subjects, n_bad))
}

fn read_picture(path: &Path, shape: SampleShape) -> Result<(Tensor, Raster), CliError> {
    let pixels = load_picture(path, shape, Resize::default())?.pixels.to_f32();
    let raster = Raster::from_numbers(shape.width, shape.height, &pixels)?;
    let side = SIDE.max(shape.height).max(shape.width);
    let raster = raster.fitted_into(side, side, Sampling::Smooth);
    let tensor = Tensor::new([shape.height, shape.width, shape.channels], pixels)
        .map_err(|error| CliError::message(error.to_string()))?;
    Ok((tensor, raster))
}

/// Colours and range of a map: maps of single pixels end at their 99.5th percentile, since few pixels
/// outshine all others.
fn style_of(map: &Map) -> (Overlay, ValueRange) {
    let colours = if map.signed { ColourMap::BlueOrange } else { ColourMap::Ember };
    let style = Overlay { colours, ..Overlay::default() };
    let values = map.values.data();
    if map.coarse.is_some() || map.method == "occlusion" {
        return (style, ValueRange::of(values, colours));
    }
    let mut sizes: Vec<f32> = values.iter().map(|x| x.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let far = sizes[(sizes.len() - 1) * 995 / 1000];
    let low = if map.signed { -far } else { 0.0 };
    (style, ValueRange { low, high: far })
}

struct Job<'a> {
    args: &'a Args,
    classes: Vec<String>,
    /// What was written.
    listed: Vec<Value>,
}

impl Job<'_> {
    fn class_name(&self, class: usize) -> String {
        self.classes.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    fn write(&self, name: &str, picture: &Raster, description: &str) -> Result<PathBuf, CliError> {
        let path = self.args.out.join(name);
        write_file_safely(&path, &picture.to_png(description)?)?;
        Ok(path)
    }

    /// Writes a map as PNG and `.npy`; answers the overlay.
    fn write_map(&mut self, subject: &Subject, map: &Map) -> Result<Raster, CliError> {
        let (style, range) = style_of(map);
        let width = map.values.dims()[1];
        let laid = overlay(&subject.raster, map.values.data(), width, range, style)?;
        let class = self.class_name(map.class);
        let output = match map.outputs[..] {
            [p] if map.class == 0 => 1.0 - p,
            [p] => p,
            _ => map.outputs.get(map.class).copied().unwrap_or(f32::NAN),
        };
        let description = described(&subject.path, map, &class);
        let sheet = ContactSheet {
            title: format!("{}: {class}", map.method),
            subtitle: format!("{}, output {output:.3}", subject.name),
            rows: vec![(String::new(), vec![(laid.clone(), String::new())])],
            legend: Some(colour_bar(SIDE, range, style, [255; 3], [28, 32, 38])),
            ..ContactSheet::default()
        };
        let stem = format!("{}-{}", subject.name, map.method);
        let png = self.write(&format!("{stem}.png"), &sheet.draw(SIDE), &description)?;
        let npy = self.args.out.join(format!("{stem}.npy"));
        write_npy(&npy, &map.values)?;
        let (row, column) = map.peak();
        let value = json!({
            "file": subject.path.display().to_string(),
            "method": map.method,
            "class": class,
            "class_index": map.class,
            "output": output,
            "score": map.score,
            "layer": map.layer,
            "peak": [row, column],
            "completeness": map.completeness.map(|c| json!({
                "sum": c.sum, "difference": c.difference, "gap": c.gap(), "steps": c.steps,
            })),
            "png": png.display().to_string(),
            "npy": npy.display().to_string(),
            "description": description,
        });
        if self.args.json {
            output::json(&value)?;
        } else {
            let file = subject.path.display();
            output::result(format!(
                "{file}\t{}\t{class}\t{output:.3}\t{}",
                map.method,
                png.display()
            ))?;
        }
        self.listed.push(value);
        Ok(laid)
    }

    fn write_sheets(
        &mut self,
        columns: &[String],
        rows: Vec<(String, Vec<(Raster, String)>)>,
    ) -> Result<(), CliError> {
        for (i, rows) in rows.chunks(SHEET_ROWS).enumerate() {
            let sheet = ContactSheet {
                title: "Where the answer comes from".to_owned(),
                subtitle: "each map in colours of its own range; blue speaks against the class"
                    .to_owned(),
                columns: columns.to_vec(),
                rows: rows.to_vec(),
                legend: None,
            };
            let name = if i == 0 {
                "contact-sheet.png".to_owned()
            } else {
                format!("contact-sheet-{}.png", i + 1)
            };
            let description = format!(
                "Contact sheet: {} in rows, each beside its maps: {}.",
                output::counted(rows.len(), "picture"),
                columns[1..].join(", ")
            );
            let path = self.write(&name, &sheet.draw(SHEET_SIDE), &description)?;
            self.listed
                .push(json!({ "png": path.display().to_string(), "description": description }));
        }
        Ok(())
    }

    fn check_sanity(
        &mut self,
        model: &cornu::model::Model,
        subjects: &[Subject],
        methods: &[Method],
        target: Target,
        kind: ScoreKind,
    ) -> Result<(), CliError> {
        let subjects = &subjects[..subjects.len().min(SANITY_PICTURES)];
        let pixels: Vec<f32> =
            subjects.iter().flat_map(|subject| subject.tensor.data()).copied().collect();
        let dims = [&[subjects.len()], subjects[0].tensor.dims()].concat();
        let pictures =
            Tensor::new(dims, pixels).map_err(|error| CliError::message(error.to_string()))?;
        let targets = vec![target; subjects.len()];
        let (mut reports, mut rows, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for method in methods {
            let mut method = method.clone();
            if let Method::IntegratedGradients(settings) = &mut method {
                // Of weights at random nobody needs the exact shares.
                settings.max_steps = settings.steps;
            }
            let report = sanity_check(model, &pictures, &method, &targets, kind, self.args.seed)?;
            self.tell_sanity(&report)?;
            let (names, row) = sanity_row(&subjects[0], &report)?;
            columns = names;
            rows.push((report.method.to_owned(), row));
            reports.push(report_json(&report));
        }
        let sheet = ContactSheet {
            title: "Sanity check: weights drawn anew, from the last layer to the first".to_owned(),
            subtitle: format!(
                "{}; r: rank correlation of sizes with the first map, s: structural similarity, means \
                 over {}",
                subjects[0].name,
                output::counted(subjects.len(), "picture")
            ),
            columns,
            rows,
            legend: None,
        };
        let description = format!(
            "Sanity check of {}: the map of {} by the trained network, then with the weights of more and \
             more layers drawn anew.",
            methods.iter().map(Method::name).collect::<Vec<_>>().join(", "),
            subjects[0].path.display()
        );
        let path = self.write("sanity.png", &sheet.draw(SHEET_SIDE), &description)?;
        self.listed.push(json!({ "png": path.display().to_string(), "description": description }));
        let text = serde_json::to_vec_pretty(&reports)
            .map_err(|error| CliError::message(format!("sanity.json: {error}")))?;
        write_file_safely(&self.args.out.join("sanity.json"), &text)?;
        Ok(())
    }

    fn tell_sanity(&self, report: &SanityReport) -> Result<(), CliError> {
        if self.args.json {
            return output::json(&report_json(report));
        }
        output::result(format!("\nsanity check of {}", report.method))?;
        output::result(format!(
            "  {:<28} {:>8} {:>8} {:>8}",
            "weights drawn anew up to", "rank", "sizes", "ssim"
        ))?;
        for step in &report.steps {
            output::result(format!(
                "  {:<28} {:>8.3} {:>8.3} {:>8.3}",
                step.layer, step.rank_correlation, step.rank_correlation_of_sizes, step.ssim
            ))?;
        }
        output::result(format!("  {}", verdict(report)))
    }
}

/// What the check says, in words.
fn verdict(report: &SanityReport) -> String {
    if report.depends_on_weights() {
        return format!("{}: its maps depend on what the network has learnt", report.method);
    }
    format!(
        "{}: its maps stay much the same without anything learnt: they show the picture more than the \
         network, so do not rely on them",
        report.method
    )
}

fn report_json(report: &SanityReport) -> Value {
    let number = |x: f64| if x.is_nan() { Value::Null } else { json!(x) };
    let steps: Vec<Value> = report
        .steps
        .iter()
        .map(|step| {
            json!({
                "layer": step.layer,
                "rank_correlation": number(step.rank_correlation),
                "rank_correlation_of_sizes": number(step.rank_correlation_of_sizes),
                "ssim": number(step.ssim),
            })
        })
        .collect();
    json!({
        "sanity": report.method,
        "pictures": report.maps.len(),
        "depends_on_weights": report.depends_on_weights(),
        "verdict": verdict(report),
        "steps": steps,
    })
}

type Row = Vec<(Raster, String)>;

/// The maps of the first picture from step to step: headings and pictures.
fn sanity_row(subject: &Subject, report: &SanityReport) -> Result<(Vec<String>, Row), CliError> {
    let draw = |map: &Map| {
        let (style, range) = style_of(map);
        let width = map.values.dims()[1];
        overlay(&subject.raster, map.values.data(), width, range, style)
    };
    let (mut names, mut row) = (vec!["trained".to_owned()], Vec::new());
    row.push((draw(&report.maps[0])?, String::new()));
    let n = report.steps.len();
    let columns = n.min(SANITY_COLUMNS);
    for i in 0..columns {
        // Spread over all steps, the last one included.
        let step = &report.steps[(i + 1) * n / columns - 1];
        names.push(step.layer.clone());
        let note = format!("r {:.2}  s {:.2}", step.rank_correlation_of_sizes, step.ssim);
        row.push((draw(&step.maps[0])?, note));
    }
    Ok((names, row))
}

/// A map in words.
fn described(path: &Path, map: &Map, class: &str) -> String {
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
    let values = map.values.data();
    if values.iter().all(|x| *x == values[0]) {
        return format!(
            "{} map of {} for class {class}: the same everywhere; nothing in the picture stands out.",
            map.method,
            path.display()
        );
    }
    let sizes: Vec<f64> = values.iter().map(|x| f64::from(x.max(0.0))).collect();
    let high = sizes.iter().copied().fold(0.0, f64::max);
    let share = sizes.iter().filter(|&&x| high / 2.0 < x).count() as f64 / sizes.len() as f64;
    format!(
        "{} map of {} for class {class}: strongest {place} (row {row}, column {column} of {height} x \
         {width}); {:.1} % of the picture has more than half of that.",
        map.method,
        path.display(),
        100.0 * share
    )
}
