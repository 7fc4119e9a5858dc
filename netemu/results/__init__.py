"""What netemu keeps of runs: their directories, manifests, summaries over several runs, baselines, JUnit."""
