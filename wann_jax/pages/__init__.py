"""Pages: a run or a network as one HTML file that works offline and runs the network in the browser. Host only."""
