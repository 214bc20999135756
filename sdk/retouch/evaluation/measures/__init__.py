"""What is measured: from pictures and the judge's verdicts to numbers."""
