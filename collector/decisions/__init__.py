"""What people decide about evidence: windows announced beforehand, rulings made afterwards. Neither edits evidence."""
