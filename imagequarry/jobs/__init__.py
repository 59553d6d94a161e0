"""Work that outlives its request: what can be done, who asks for it, who does it, and who watches."""
