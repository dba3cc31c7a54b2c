use std::path::{Path, PathBuf};

use clap::{ArgAction, ValueEnum};
use cornu::data::{Resize, load_picture};
use cornu::model::Model;
use cornu::nn::Activation;
use cornu::plot::drawing::{Drawing, Theme};
use cornu::plot::{self, DiagramOptions, Direction, PlotFileError, figure};
use cornu::tensor::Tensor;

use crate::error::CliError;
use crate::labels::picture_shape;
use crate::machine::Machine;
use crate::model_argument::ModelArgument;
use crate::output;

/// Draw a network, its kernels, its feature maps, activation functions, a convolution at work
///
/// Without further options the network is drawn as boxes and arrows, as Keras's plot_model does; the
/// ending of --out says how: .svg, .png, .dot (Graphviz) or .mmd (Mermaid). Other pictures are .svg or
/// .png, that of --convolution is a .gif. The default is a file in the current folder, whose name is
/// printed.
///
/// Every picture has a title, a legend and a text alternative, which .png and .gif files hold as well;
/// SVG files follow the reader's choice of light or dark, unless --theme says which.
///
/// Examples:
///
///   cornu plot lesson-cnn --out network.svg
///   cornu plot run/best.keras --out network.png --rankdir LR --columns 3
///   cornu plot run/best.keras --filters conv2d
///   cornu plot run/best.keras --features picture.png
///   cornu plot run/best.keras --convolution picture.png --layer conv2d_1
///   cornu plot --activations relu,gelu,sigmoid,tanh
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A built-in name (lesson-cnn), a Keras .json config, or a .keras or .h5 file
    #[arg(required_unless_present = "activations")]
    model: Option<String>,
    /// The file to write to [default: network.svg, filters-LAYER.png, features.png, activations.svg or
    /// convolution.gif]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw the learnt kernels of a layer instead
    #[arg(long, value_name = "LAYER", group = "what")]
    filters: Option<String>,
    /// Draw what each layer makes of a picture instead: its feature maps
    #[arg(long, value_name = "IMAGE", group = "what")]
    features: Option<PathBuf>,
    /// Draw activation functions and their derivatives instead: all, or those named
    #[arg(long, value_name = "NAMES", group = "what", num_args = 0..=1, value_delimiter = ',', default_missing_value = "all")]
    activations: Option<Vec<String>>,
    /// Show a kernel that slides over a picture instead, and the map it makes
    #[arg(long, value_name = "IMAGE", group = "what")]
    convolution: Option<PathBuf>,
    /// The convolution whose kernel slides [default: the first]
    #[arg(long, requires = "convolution")]
    layer: Option<String>,
    /// Its filter, counted from 0 [default: the one with the largest weights]
    #[arg(long, value_name = "N", requires = "convolution")]
    filter: Option<usize>,
    /// Light or dark pictures; auto: in SVG as the reader's system asks, else light
    #[arg(long, value_enum, default_value_t = ThemeName::Auto)]
    theme: ThemeName,
    /// Pixels per inch of PNG and GIF files [default: 144, of GIF files 96]
    #[arg(long, value_parser = dots)]
    dpi: Option<f64>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    diagram: DiagramArgs,
}

/// What the diagram shows; names as in Keras's plot_model.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of the network diagram")]
struct DiagramArgs {
    /// Shapes of the outputs
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    show_shapes: bool,
    /// Numbers of parameters
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    show_params: bool,
    /// Names of the layers
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    show_layer_names: bool,
    /// Activation functions
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    show_layer_activations: bool,
    /// Filters, kernel sizes and the like
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    show_details: bool,
    /// Types of the numbers
    #[arg(long)]
    show_dtype: bool,
    /// Which layers training changes
    #[arg(long)]
    show_trainable: bool,
    /// The layers of models in the model
    #[arg(long)]
    expand_nested: bool,
    /// Which way tensors flow: from top to bottom, left to right, ...
    #[arg(long, value_enum, ignore_case = true, default_value_t = Rankdir::Tb)]
    rankdir: Rankdir,
    /// Columns (rows if tensors flow sideways) into which a long network is broken
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    columns: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ThemeName {
    Auto,
    Light,
    Dark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rankdir {
    #[value(name = "TB")]
    Tb,
    #[value(name = "LR")]
    Lr,
    #[value(name = "BT")]
    Bt,
    #[value(name = "RL")]
    Rl,
}

pub(super) fn dots(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if (10.0..=1200.0).contains(&x) => Ok(x),
        _ => Err("expected a number from 10 to 1200".to_owned()),
    }
}

impl DiagramArgs {
    fn options(&self) -> DiagramOptions {
        DiagramOptions {
            show_shapes: self.show_shapes,
            show_params: self.show_params,
            show_dtype: self.show_dtype,
            show_layer_names: self.show_layer_names,
            show_details: self.show_details,
            show_layer_activations: self.show_layer_activations,
            show_trainable: self.show_trainable,
            expand_nested: self.expand_nested,
            rankdir: match self.rankdir {
                Rankdir::Tb => Direction::TB,
                Rankdir::Lr => Direction::LR,
                Rankdir::Bt => Direction::BT,
                Rankdir::Rl => Direction::RL,
            },
            columns: self.columns.into(),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    args.machine.prepare();
    let theme = match args.theme {
        ThemeName::Auto => Theme::Auto,
        ThemeName::Light => Theme::Light,
        ThemeName::Dark => Theme::Dark,
    };
    let out = |default: String| args.out.clone().unwrap_or_else(|| PathBuf::from(default));
    let save = |drawing: &Drawing, path: PathBuf| {
        plot::save_drawing(drawing, &path, theme, args.dpi.unwrap_or(144.0))?;
        Ok(path)
    };
    let written: Result<PathBuf, PlotFileError> = if let Some(names) = &args.activations {
        let curves = plot::activation_curves(&activations(names)?)
            .map_err(|error| CliError::message(error.to_string()))?;
        if curves.is_empty() {
            return Err(CliError::message(
                "softmax, log_softmax, sparsemax and glu are functions of whole rows, of which there \
                 is no curve; name others",
            ));
        }
        save(&figure::activations(&curves), out("activations.svg".to_owned()))
    } else {
        let name = args.model.as_deref().unwrap_or_default();
        let mut model = open(name, args)?;
        args.machine.apply(&mut model)?;
        if let Some(layer) = &args.filters {
            let kernels = plot::kernels(&model, layer)?;
            save(&figure::filters(&kernels), out(format!("filters-{}.png", plain(layer))))
        } else if let Some(image) = &args.features {
            let x = sample(&model, image)?;
            let maps = plot::feature_maps(&mut model, &x)?;
            save(&figure::features(&name_of(image), &maps), out("features.png".to_owned()))
        } else if let Some(image) = &args.convolution {
            let x = sample(&model, image)?;
            let layer = args.layer.as_deref();
            let sliding = plot::sliding_kernel(&mut model, &x, layer, args.filter)?;
            let path = out("convolution.gif".to_owned());
            let animation = figure::convolution(&sliding);
            plot::save_animation(&animation, &path, theme, args.dpi.unwrap_or(96.0)).map(|()| path)
        } else {
            let (path, options) = (out("network.svg".to_owned()), args.diagram.options());
            plot::plot_model(&model, &path, &options, theme, args.dpi.unwrap_or(144.0))
                .map(|()| path)
        }
    };
    let path = written.map_err(|error| CliError::message(error.to_string()))?;
    output::result(path.display())
}

/// The model; that its weights are random is said where they are shown.
fn open(name: &str, args: &Args) -> Result<Model, CliError> {
    let argument = ModelArgument::parse(name)?;
    let shows_weights =
        args.filters.is_some() || args.features.is_some() || args.convolution.is_some();
    Ok(if shows_weights { argument.open_to_predict()? } else { argument.open()? }.model)
}

fn activations(names: &[String]) -> Result<Vec<Activation>, CliError> {
    if names == ["all"] {
        return Ok(Activation::ALL.to_vec());
    }
    let named = names.iter().map(|name| {
        Activation::named(name.trim()).map_err(|_| {
            let known: Vec<&str> = Activation::ALL.iter().map(|one| one.name()).collect();
            CliError::message(format!(
                "--activations: there is no activation `{name}`; there are {}",
                known.join(", ")
            ))
        })
    });
    named.collect()
}

/// The picture as the model takes it.
fn sample(model: &Model, path: &Path) -> Result<Tensor, CliError> {
    let shape = picture_shape(model)?;
    let picture = load_picture(path, shape, Resize::default())?;
    let dims = [1, shape.height, shape.width, shape.channels];
    Tensor::new(dims, picture.pixels.to_f32()).map_err(|error| CliError::message(error.to_string()))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A name that can be part of a file's name.
fn plain(layer: &str) -> String {
    layer.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}
