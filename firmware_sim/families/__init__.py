"""Families of devices that a site can speak as, each from a table of its own written from data sheets' facts."""
