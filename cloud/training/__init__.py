"""Small models for the gateways: trained in numpy on the fleet's recordings, written as full-int8 TFLite files."""
