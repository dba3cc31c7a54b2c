mod sanity;
mod subjects;
mod writer;

use std::path::PathBuf;

use cornu::explain::{Explainer, Map, Method, ScoreKind, Target};

use crate::error::CliError;
use crate::labels::picture_shape;
use crate::machine::Machine;
use crate::model_argument::ModelArgument;
use crate::output;

use subjects::read_pictures;
use writer::Writer;

/// Pictures on one contact sheet.
const SHEET_ROWS: usize = 12;

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
    /// Pixels per inch of the pictures: 96 show a picture with 384 pixels a side, and on sheets with 224
    #[arg(long, default_value_t = 96.0, value_parser = super::plot::dots)]
    dpi: f64,
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

    let mut writer = Writer {
        folder: &args.out,
        scale: args.dpi / 96.0,
        json: args.json,
        classes,
        listed: Vec::new(),
    };
    for (i, subjects) in subjects.chunks(SHEET_ROWS).enumerate() {
        let mut maps: Vec<Vec<Map>> = vec![Vec::new(); subjects.len()];
        for (subject, maps) in subjects.iter().zip(&mut maps) {
            for method in &methods {
                let map = explainer.explain(&subject.tensor, method, target)?;
                writer.write_map(subject, &map)?;
                maps.push(map);
            }
        }
        writer.write_comparison(i, subjects, &maps)?;
    }
    if args.sanity {
        let subjects = &subjects[..subjects.len().min(SANITY_PICTURES)];
        sanity::check(&mut explainer, subjects, &methods, target, args.seed, &mut writer)?;
    }
    writer.finish()?;
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
