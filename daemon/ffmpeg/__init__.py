"""ffmpeg: FFmpeg's dialect: finding it, what it prints, what it can do."""
