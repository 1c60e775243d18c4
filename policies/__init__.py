"""The rules of the cloud that the project brings, and what makes their other forms."""
