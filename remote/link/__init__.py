"""The persistent connection to central: opened from here, authenticated by the site's own key, resumed after every interruption."""
