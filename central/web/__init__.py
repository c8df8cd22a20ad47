"""The pages of central. They read through the services and change things through the API, from the browser."""
