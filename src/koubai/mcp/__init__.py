"""koubai for coding agents: doctor, explain and compare as tools of the Model Context Protocol."""
