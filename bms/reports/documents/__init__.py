"""What a report is before it has a face, and its four faces: HTML, XLSX, CSV and JSON."""
