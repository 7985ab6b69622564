"""The tool that reads faces, and its rooms: made faces, exercises, training, commands."""
