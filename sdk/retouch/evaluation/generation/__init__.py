"""The generation half: pictures from prompts alone, GenEval's six skills."""
