"""The pages of a site. They show what the services hold and act through the API; nothing here decides anything."""
