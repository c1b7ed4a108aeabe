"""The legal right of withdrawal: periods, exemptions and refund deadlines by country. Not legal advice."""
