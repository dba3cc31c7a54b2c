//! Charts, diagrams and pictures: SVG for what is drawn, PNG for what is made of pixels.
