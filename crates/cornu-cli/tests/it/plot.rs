//! `cornu plot`, and the event files of `cornu train --tensorboard`.

use crate::cornu::{Place, read};

#[test]
fn the_network_is_drawn_in_every_format() {
    let place = Place::with_pictures();
    for (name, begin) in [
        ("net.svg", &b"<svg xmlns"[..]),
        ("net.png", b"\x89PNG\r\n"),
        ("net.dot", b"digraph \"functional\""),
        ("net.mmd", b"---\ntitle: "),
    ] {
        let printed = place.run(&format!("plot net.json --out {name} --rankdir lr")).ok();
        assert_eq!(printed.trim(), name);
        assert!(place.bytes(name).starts_with(begin), "{name}");
    }
    let svg = String::from_utf8(place.bytes("net.svg")).unwrap();
    for part in [
        "<title>Network diagram of functional</title>",
        ">MaxPooling2D</text>",
        ">40 params</text>",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    place.run("plot net.json --out bare.svg --show-params=false --show-shapes=false").ok();
    let bare = String::from_utf8(place.bytes("bare.svg")).unwrap();
    assert!(!bare.contains("params</text>") && !bare.contains(">(None"));
}

#[test]
fn kernels_feature_maps_activations_and_a_convolution_are_drawn() {
    let place = Place::with_pictures();
    let picture = "pictures/normal/00001.png";
    for (line, file, begin) in [
        ("plot net.json --filters conv2d", "filters-conv2d.png", &b"\x89PNG"[..]),
        (&format!("plot net.json --features {picture}"), "features.png", b"\x89PNG"),
        (&format!("plot net.json --convolution {picture} --dpi 40"), "convolution.gif", b"GIF89a"),
        ("plot --activations relu,tanh --theme dark", "activations.svg", b"<svg xmlns"),
    ] {
        let ran = place.run(line);
        assert_eq!(ran.stderr.contains("not trained"), line.contains("net.json"), "{line}");
        assert_eq!(ran.ok().trim(), file, "{line}");
        let bytes = place.bytes(file);
        assert!(bytes.starts_with(begin), "{line}");
        // Whatever the file, it says what it shows.
        let words = String::from_utf8_lossy(&bytes).into_owned();
        let (keyword, title) = match file.rsplit_once('.').unwrap().1 {
            "png" => ("Description\0", "conv2d"),
            "gif" => ("", "How a convolution works: filter"),
            _ => ("<desc>", "Activation functions"),
        };
        assert!(words.contains(keyword) && words.contains(title), "{line}");
    }
}

#[test]
fn what_cannot_be_drawn_is_an_error_that_says_what_can() {
    let place = Place::with_pictures();
    place
        .run("plot net.json --out net.jpg")
        .error(&["net.jpg: expected", ".svg, .png, .dot or .mmd"]);
    place.run("plot net.json --filters dense_9").error(&["no layer `dense_9`", "conv2d, dense"]);
    place.run("plot net.json --filters dropout").error(&["is a Dropout and has no kernels"]);
    place.run("plot --activations relu,reluu").error(&["no activation `reluu`", "leaky_relu"]);
    place.run("plot --activations softmax").error(&["whole rows"]);
    let line = "plot net.json --convolution pictures/normal/00001.png --layer dense";
    place.run(line).error(&["no convolution of pictures `dense`", "conv2d"]);
    for line in ["plot", "plot net.json --filters a --features b", "plot net.json --layer a"] {
        assert_eq!(place.run(line).code, 2, "{line}");
    }
}

#[test]
fn training_writes_event_files() {
    let place = Place::with_pictures();
    place.run("train pictures --out run --model net.json --epochs 2 --tensorboard logs").ok();
    for part in ["train", "validation"] {
        let files: Vec<_> =
            std::fs::read_dir(place.path("logs").join(part)).unwrap().flatten().collect();
        assert_eq!(files.len(), 1, "{part}");
        let bytes = read(&files[0].path());
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("epoch_accuracy").count(), 2, "{part}");
        assert_eq!(text.contains("conv2d/kernel/histogram"), part == "train");
    }
}
